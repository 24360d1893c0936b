/** The report of a chaos run in a real Chromium, opened from the disk as its reader would. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { renderReport } from '@reprise/chaos'
import type { Browser, Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import { fakeRecord } from '../../packages/chaos/test/support/fake-record.ts'
import { needs } from '../support/system.ts'

const EXECUTABLE = '/usr/bin/chromium'

describe('the report of a chaos run', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(60_000)

  let directory: string
  let browser: Browser
  let page: Page
  /** What the browser complained of: a broken script, a policy that was violated, anything that it asked for. */
  let complaints: string[]

  before(async function () {
    needs(this, EXECUTABLE, existsSync(EXECUTABLE))
    directory = mkdtempSync(join(tmpdir(), 'reprise-report-'))
    browser = await chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox'] })
  })

  after(async () => {
    await browser?.close()
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true })
  })

  beforeEach(async () => {
    complaints = []
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => complaints.push(message.text()))
    page.on('request', (request) => {
      if (!/^(?:file|data):/.test(request.url())) complaints.push(request.url())
    })
    const file = join(directory, 'report.html')
    const violations = [
      { invariant: 'durability', atMs: 31_000, session: 3, text: '</script><img src=x onerror="alert(1)">' },
      { invariant: 'links', atMs: 61_000, session: undefined, text: 'node-1 does not reach node-2' },
    ] as const
    writeFileSync(file, renderReport(fakeRecord({ violations, operations: 20_000 })))
    await page.goto(pathToFileURL(file).href)
  })

  afterEach(async () => {
    await page.close()
    assert.deepEqual(complaints, [])
  })

  /** Where the time line is scrolled to, how wide it is, and how much of it is seen. */
  const scroller = async () =>
    (await page.evaluate(
      '(({ scrollLeft: left, scrollWidth: whole, clientWidth: seen }) => ({ left, whole, seen }))(document.querySelector(".scroller"))',
    )) as { readonly left: number; readonly whole: number; readonly seen: number }

  it('shows the verdict, a lane for each member, and no markup of the run', async () => {
    await page.getByText('durability broken at 31.00 s, 2 violations in all').waitFor()
    for (const name of ['node-1', 'node-5']) await page.locator('.gutter').getByText(name).waitFor()
    await page.getByRole('link', { name: 'kill node-2' }).first().waitFor()
    assert.equal(await page.locator('img').count(), 0)
  })

  it('tells of a moment that is pointed at, and of the next by key', async () => {
    const plot = await page.locator('.plot').boundingBox()
    assert.ok(plot)
    // A moment within the crash of node-2, which is at 6.0 s to 10.2 s of −3 s to 63 s.
    await page.mouse.move(plot.x + (11 / 66) * plot.width, plot.y + 20)
    await page.locator('output').filter({ hasText: 'kill node-2' }).waitFor()
    await page.locator('.look tr').filter({ hasText: 'node-2' }).filter({ hasText: 'down' }).waitFor()
    const slider = page.getByRole('slider', { name: 'Look at a moment' })
    const before = Number(await slider.inputValue())
    await slider.press('ArrowRight')
    assert.equal(Number(await slider.inputValue()), before + 1)
  })

  it('keeps what is in the middle when it is zoomed, and brings a violation into sight', async () => {
    assert.equal((await scroller()).left, 0)
    await page.getByText('16×').click()
    await page.waitForFunction('document.querySelector(".scroller").scrollLeft > 0')
    const { left, whole, seen } = await scroller()
    assert.ok(Math.abs((left + seen / 2) / whole - 0.5) < 0.01)
    await page.getByRole('link', { name: '61.00 s', exact: true }).click()
    await page.waitForFunction(`document.querySelector(".scroller").scrollLeft > ${left}`)
    const mark = await page.locator('#at-2').boundingBox()
    assert.ok(mark !== null && mark.x > 0 && mark.x + mark.width <= 1_280)
  })

  it('is whole on a narrow screen: what is wider scrolls by itself', async () => {
    await page.setViewportSize({ width: 390, height: 800 })
    await page.waitForFunction('document.documentElement.scrollWidth <= window.innerWidth')
  })

  it('says the same without its script', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false })
    const still = await context.newPage()
    await still.goto(page.url())
    await still.getByText('durability broken at 31.00 s').first().waitFor()
    await still.getByText('16×').click()
    await still.locator('.ticks.zoom-16').waitFor()
    assert.equal(await still.locator('.look').isVisible(), false)
    await context.close()
  })
})
