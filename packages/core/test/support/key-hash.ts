/** xxHash64, loaded once for all tests: WebAssembly loads asynchronously, and tests want a plain function. */

import type { KeyHash } from '../../src/table/key-hash.ts'
import { loadKeyHash } from '../../src/table/key-hash.ts'

export const keyHash: KeyHash = await loadKeyHash()
