/** One strip over time, drawn by uPlot: made when it appears, sized with its place, given each new sample. */
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import type { Markup } from '../html.ts'
import { html } from '../html.ts'
import { samples } from '../live.ts'
import type { Sample } from '../samples.ts'

export interface Series {
  readonly label: string
  /** The name of a colour in the style sheet. */
  readonly colour: string
  readonly read: (sample: Sample) => number | undefined
}

export interface ChartProps {
  readonly title: string
  readonly series: readonly Series[]
  readonly format: (value: number) => string
  /** The top of the scale when nothing is higher. */
  readonly floor: number
  /** Steps of the scale; default those of round decimal numbers. */
  readonly steps?: readonly number[]
}

const HEIGHT_PX = 190
const SECONDS_SHOWN = 300

export function Chart(props: ChartProps): Markup {
  const { title, series, format } = props
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const seen = samples.value

  useEffect(() => {
    const element = place.current
    if (element === null) return
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    const draw = (): void => {
      plot.current?.destroy()
      plot.current = new uPlot(optionsOf(props, element), dataOf(samples.value, series), element)
    }
    draw()
    const observer = new ResizeObserver(() => plot.current?.setSize(sizeOf(element)))
    observer.observe(element)
    // Its colours are read when it is made.
    scheme.addEventListener('change', draw)
    return () => {
      observer.disconnect()
      scheme.removeEventListener('change', draw)
      plot.current?.destroy()
    }
  }, [])

  useEffect(() => plot.current?.setData(dataOf(seen, series)), [seen])

  const last = seen.at(-1)
  return html`
    <figure class="chart">
      <figcaption>
        <span>${title}</span>
        ${series.map(({ label, colour, read }) => {
          const value = last === undefined ? undefined : read(last)
          return html`<span class=${`key ${colour}`}>${label} <b>${value === undefined ? '–' : format(value)}</b></span>`
        })}
      </figcaption>
      <div ref=${place}></div>
    </figure>
  `
}

function dataOf(seen: readonly Sample[], series: readonly Series[]): uPlot.AlignedData {
  const times = seen.map(({ atMs }) => atMs / 1_000)
  return [times, ...series.map(({ read }) => seen.map((sample) => read(sample) ?? null))]
}

function optionsOf({ series, format, floor, steps }: ChartProps, element: HTMLElement): uPlot.Options {
  const style = getComputedStyle(element)
  const colourOf = (name: string): string => style.getPropertyValue(`--${name}`).trim()
  const axis = {
    stroke: colourOf('muted'),
    grid: { stroke: colourOf('line'), width: 1 },
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  }
  return {
    ...sizeOf(element),
    // The newest sample, whatever it shows, is in the caption.
    legend: { show: false },
    cursor: { show: false },
    // On the right half a label of the time, which stands at the edge once in a minute.
    padding: [8, 18, 0, 0],
    scales: {
      x: { range: (_, __, max) => [(max ?? 0) - SECONDS_SHOWN, max ?? 0] },
      y: { range: (_, __, max) => [0, Math.max(floor, (max ?? 0) * 1.1)] },
    },
    axes: [
      { ...axis, space: 60, values: (_, ticks) => ticks.map((at) => new Date(at * 1_000).toTimeString().slice(0, 5)) },
      {
        ...axis,
        size: 56,
        space: 32,
        values: (_, ticks) => ticks.map(format),
        ...(steps !== undefined && { incrs: [...steps] }),
      },
    ],
    series: [{}, ...series.map(({ colour }) => ({ stroke: colourOf(colour), width: 1.75, points: { show: false } }))],
  }
}

function sizeOf({ clientWidth }: HTMLElement): { width: number; height: number } {
  return { width: Math.max(160, clientWidth), height: HEIGHT_PX }
}
