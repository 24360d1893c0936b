/** The demo as a person meets it: started with its command, opened at the address that it prints, in a real Chromium. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import { RunningCommand } from '../../packages/cli/test/support/command.ts'
import { until } from '../../packages/cli/test/support/until.ts'
import { needs } from '../support/system.ts'

const EXECUTABLE = '/usr/bin/chromium'

describe('page of the demo', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(180_000)

  let browser: Browser
  let demo: RunningCommand
  let page: Page
  /** What the browser complained of: a broken script, a refused request, a policy that was violated. */
  const complaints: string[] = []

  before(async function () {
    needs(this, EXECUTABLE, existsSync(EXECUTABLE))
    browser = await chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox'] })
    demo = new RunningCommand(['demo'])
    await until(`it prints an address; stderr: ${demo.stderr}`, () => address() !== undefined, 90_000)
    page = await browser.newPage()
    page.setDefaultTimeout(60_000)
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
    })
    await page.goto(address() ?? '')
  })

  after(async () => {
    await browser?.close()
    await demo?.[Symbol.asyncDispose]()
  })

  const address = (): string | undefined => /http:\S+#token=\S+/.exec(demo.stdout)?.[0]
  const node = (name: string) =>
    page
      .getByRole('listitem')
      .filter({ hasText: name })
      .filter({ hasText: /pid|process/ })
  const press = (action: string, name: string) => page.getByRole('button', { name: `${action} ${name}` }).click()
  const is = (name: string, state: string) => node(name).locator(`.state.${state}`).waitFor()
  const feed = (type: string, name: string) =>
    page.locator('.feed li').filter({ hasText: type }).filter({ hasText: name }).first().waitFor()
  const seenFrom = async (): Promise<string> => (await page.locator('.origin b').textContent()) ?? ''

  async function score(): Promise<{ readonly lost: number; readonly resumed: number }> {
    const [lost, resumed] = (await page.locator('.score b').allTextContents()).map((text) =>
      Number(text.replace(',', '')),
    )
    return { lost: lost ?? Number.NaN, resumed: resumed ?? Number.NaN }
  }

  /** Clients go on, so that much more is resumed than was when it is called. */
  async function goesOn(): Promise<void> {
    const before = await score()
    await until('clients go on', async () => (await score()).resumed >= before.resumed + 20, 60_000)
  }

  it('has no buttons while the story is told, and then one for each way to break a node', async () => {
    await page.getByText('Then it is your turn').waitFor()
    assert.equal(await page.getByRole('button', { name: 'Kill node-1' }).count(), 0)
    await page.getByRole('button', { name: 'Kill node-1' }).waitFor()
    for (const action of ['Kill', 'Stop', 'Cut']) {
      assert.equal(await page.getByRole('button', { name: new RegExp(`^${action} node-`) }).count(), 5)
    }
  })

  it('[R3] stopping the node that the page is seen from moves the page, and loses no session', async () => {
    const name = await seenFrom()
    await press('Stop', name)
    await is(name, 'stopped')
    await until('another one is looked at', async () => (await seenFrom()) !== name)
    await feed('member:suspect', name)
    await goesOn()
    await press('Continue', name)
    await is(name, 'up')
    await feed('member:up', name)
    assert.equal((await score()).lost, 0)
  })

  it('[R3] cutting a node off from the others loses no session', async () => {
    await press('Cut', 'node-4')
    await is('node-4', 'cut')
    await feed('member:suspect', 'node-4')
    await goesOn()
    await press('Heal', 'node-4')
    await is('node-4', 'up')
    await goesOn()
    assert.equal((await score()).lost, 0)
  })

  it('[R3] killing a node loses no session, and it is started again', async () => {
    await press('Kill', 'node-3')
    await is('node-3', 'down')
    await goesOn()
    await is('node-3', 'up')
    await goesOn()
    assert.equal((await score()).lost, 0)
  })

  it('is whole on a narrow screen', async () => {
    await page.setViewportSize({ width: 390, height: 800 })
    // Drawn anew after the next look of the browser at its layout.
    await page.waitForFunction('document.documentElement.scrollWidth <= window.innerWidth')
    assert.deepEqual(complaints, [])
  })
})
