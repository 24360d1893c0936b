import assert from 'node:assert/strict'
import { faultName } from '../../src/report/fault-name.ts'
import type { Fault } from '../../src/scenario.ts'

const NAMES = ['a', 'b', 'c', 'd']

describe('faultName', () => {
  const cases: readonly [fault: Fault, nodes: readonly number[], name: string][] = [
    [{ kind: 'kill', nodes: ['primary', 3] }, [1, 3], 'kill b, d'],
    [{ kind: 'freeze', nodes: ['any'] }, [], 'freeze any'],
    [{ kind: 'restart', nodes: [7] }, [7], 'restart member 7'],
    [{ kind: 'partition', side: [0, 2] }, [0, 2], 'cut off: a, c'],
    [{ kind: 'cut' }, [], 'one way: nothing on all links'],
    [{ kind: 'cut', from: ['any'] }, [2], 'one way: nothing from c'],
    [{ kind: 'cut', from: [0], to: [1, 2] }, [0, 1, 2], 'one way: nothing from a to b, c'],
    [{ kind: 'impair', conditions: { lossRate: 0.2 }, to: ['primary'] }, [1], 'loss 20 % to b'],
    [
      {
        kind: 'impair',
        conditions: { delayMs: 50, jitterMs: 10, duplicateRate: 0.05, reorderRate: 0.001, bytesPerSecond: 128_000 },
      },
      [],
      'delay 50 ± 10 ms, 5 % twice, 0.1 % out of order, 128 kB/s on all links',
    ],
    [{ kind: 'clock-jump', nodes: [0], jumpMs: -300_000 }, [0], 'clock of a set 5 min back'],
    [{ kind: 'clock-jump', nodes: [0], jumpMs: 30_000 }, [0], 'clock of a set 30 s ahead'],
    [{ kind: 'clock-rate', nodes: [1], rate: 1.05 }, [1], 'clock of b at 105 % speed'],
    [{ kind: 'disk-full', nodes: [1] }, [1], 'disk of b full'],
  ]
  for (const [fault, nodes, name] of cases) {
    it(name, () => assert.equal(faultName({ fault, nodes }, NAMES), name))
  }
})
