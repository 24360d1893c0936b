/** The page in a real Chromium, served by real nodes. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import type { Admin } from '@reprise/admin'
import { startAdmin } from '@reprise/admin'
import { loadPage } from '@reprise/dashboard'
import type { Node } from '@reprise/node'
import { createNode } from '@reprise/node'
import type { Browser, Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import { needs } from '../support/system.ts'

const EXECUTABLE = '/usr/bin/chromium'
const TOKEN = 'a-token-of-the-test-long-enough'

describe('dashboard', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(60_000)

  let browser: Browser
  let nodes: Node[]
  let admin: Admin
  let page: Page
  /** What the browser complained of: a broken script, a refused request, a policy that was violated. */
  let complaints: string[]

  before(async function () {
    needs(this, EXECUTABLE, existsSync(EXECUTABLE))
    browser = await chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox'] })
  })

  after(() => browser?.close())

  beforeEach(async () => {
    const first = await createNode({ name: 'alpha' })
    const others = await Promise.all(['beta', 'gamma'].map((name) => createNode({ name, join: first.addresses })))
    nodes = [first, ...others]
    await Promise.all(nodes.map((node) => node.whenReady({ members: 3 })))
    admin = await startAdmin({ node: first, page: await loadPage(), token: TOKEN })
    complaints = []
    page = await browser.newPage()
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
    })
    await page.goto(`${admin.url}/`)
  })

  afterEach(async () => {
    await page.close()
    await admin.close()
    await Promise.all(nodes.map((node) => node.stop({ drainMs: 0 })))
  })

  const verdict = (text: string | RegExp) => page.getByRole('status').filter({ hasText: text }).first().waitFor()
  const row = (name: string) => page.getByRole('row').filter({ hasText: name })

  it('[R5] shows the members, every shard with all its copies, and compares them when asked', async () => {
    await verdict('Every session has all its copies')
    for (const name of ['alpha', 'beta', 'gamma']) await row(name).waitFor()
    assert.equal(await page.locator('.map li.full').count(), 64)
    await page.getByRole('button', { name: 'Compare all copies' }).click()
    await verdict('All copies of 64 shards are equal')
    assert.deepEqual(complaints, [])
  })

  it('[R5] turns to a warning when a member is gone, and says who in the feed', async () => {
    await verdict('Every session has all its copies')
    await nodes.pop()?.stop()
    await verdict(/short of 3 ready holders/)
    await page.locator('.feed li').filter({ hasText: 'member:down' }).filter({ hasText: 'gamma' }).first().waitFor()
    assert.deepEqual(complaints, [])
  })

  it('counts what happens to sessions, without their ids', async () => {
    const session = await nodes[0]?.create('a secret id')
    session?.set('x', 'a secret value')
    await session?.commit({ copies: 1 })
    await nodes[1]?.resume('a secret id')
    await page
      .locator('dl div')
      .filter({ hasText: 'Records' })
      .filter({ hasText: /Records1/ })
      .waitFor()
    await page
      .locator('dl div')
      .filter({ hasText: /^Commits1/ })
      .waitFor()
    await page.locator('figure canvas').first().waitFor()
    assert.doesNotMatch(await page.content(), /secret/)
    assert.deepEqual(complaints, [])
  })

  it('says that it lost its node, and comes back', async () => {
    await verdict('Every session has all its copies')
    const { port } = new URL(admin.url)
    await admin.close()
    await verdict(/does not answer/)
    const [first] = nodes
    assert.ok(first)
    admin = await startAdmin({ node: first, port: Number(port), page: await loadPage() })
    await verdict('Every session has all its copies')
  })

  it('is whole on a narrow screen: nothing is cut off at the side', async () => {
    await verdict('Every session has all its copies')
    await page.setViewportSize({ width: 390, height: 800 })
    // Drawn anew after the next look of the browser at its layout.
    await page.waitForFunction('document.documentElement.scrollWidth <= window.innerWidth')
  })
})
