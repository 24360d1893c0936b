/**
 * The script of a report. Everything is there without it; with it, a moment can be looked at by pointer or keyboard, and a zoom
 * keeps what was in the middle. Plain JavaScript for browsers, as text: nothing here is built.
 */
export const SCRIPT: string = `
'use strict'
{
  const data = JSON.parse(document.getElementById('history').textContent)
  const scroller = document.querySelector('.scroller')
  const plot = document.querySelector('.plot')
  const cursor = document.querySelector('.cursor')
  const look = document.querySelector('.look')
  const slider = document.getElementById('moment')
  const output = look.querySelector('output')
  const rows = [...look.querySelectorAll('tbody tr')]
  const zooms = [...document.querySelectorAll('[name=zoom]')]
  const seconds = (ms) => (ms / 1000).toFixed(2).replace('-', '−') + ' s'

  look.hidden = false
  slider.max = String(data.columns - 1)

  const show = (column) => {
    const lengthMs = (data.toMs - data.fromMs) / data.columns
    const fromMs = data.fromMs + column * lengthMs
    cursor.hidden = false
    cursor.style.left = (100 * (column + 0.5)) / data.columns + '%'
    const faults = data.faults.filter(([, from, until]) => from <= fromMs + lengthMs && until >= fromMs)
    const counts = ['ok', 'failed', 'unknown'].map((outcome) => data.counts[outcome][column] + ' ' + outcome)
    const text = seconds(fromMs) + ' to ' + seconds(fromMs + lengthMs) + ': ' + counts.join(', ') +
      (faults.length === 0 ? '; no fault' : '; ' + faults.map(([name]) => name).join('; '))
    output.textContent = text
    slider.setAttribute('aria-valuetext', text)
    data.members.forEach((member, index) => {
      const [state, reachable, lag] = rows[index].querySelectorAll('td')
      const name = data.states[member.state[column]]
      state.textContent = name ?? 'not known'
      state.className = 'is ' + (name ?? '')
      reachable.textContent = name === undefined ? '' : member.reachable[column]
      lag.textContent = name === undefined ? '' : member.lag[column].toLocaleString('en-US')
    })
  }
  const choose = (column) => {
    slider.value = String(Math.min(data.columns - 1, Math.max(0, column)))
    show(Number(slider.value))
  }
  slider.addEventListener('input', () => {
    show(Number(slider.value))
    const at = (cursor.offsetLeft - scroller.scrollLeft) / scroller.clientWidth
    if (at < 0 || at > 1) scroller.scrollLeft = cursor.offsetLeft - scroller.clientWidth / 2
  })
  plot.addEventListener('pointermove', (event) => {
    const { left, width } = plot.getBoundingClientRect()
    choose(Math.floor(((event.clientX - left) / width) * data.columns))
  })

  let middle = 0.5
  const remember = () => {
    middle = (scroller.scrollLeft + scroller.clientWidth / 2) / scroller.scrollWidth
  }
  scroller.addEventListener('scroll', remember)
  for (const input of zooms) {
    input.addEventListener('change', () => {
      scroller.scrollLeft = middle * scroller.scrollWidth - scroller.clientWidth / 2
    })
  }
  scroller.addEventListener('keydown', (event) => {
    const step = { '+': 1, '=': 1, '-': -1 }[event.key]
    const next = zooms[zooms.findIndex((input) => input.checked) + step]
    if (next !== undefined && !event.ctrlKey && !event.metaKey) next.click()
  })
  choose(data.chosen)
}
`
