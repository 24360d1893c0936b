/** The metrics of the process, and of its admin server. */
import type { LoopDelay } from '../loop-delay.ts'
import { by, counter, gauge } from './families.ts'
import type { MetricFamily } from './format.ts'

export interface ProcessMetricsInit {
  readonly version: string
  readonly loopDelay: LoopDelay
  readonly listeners: number
  readonly suppressedEvents: number
}

export function processMetrics({
  version,
  loopDelay,
  listeners,
  suppressedEvents,
}: ProcessMetricsInit): MetricFamily[] {
  const { rss, heapUsed } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  const { p50, p99, max } = loopDelay.figures()
  const delays = { p50: p50 / 1_000, p99: p99 / 1_000, max: max / 1_000 }
  return [
    gauge('build_info', 'Always 1; which version runs.', [{ labels: { version }, value: 1 }]),
    gauge('process_uptime_seconds', 'Time since the process started.', process.uptime()),
    gauge('process_resident_memory_bytes', 'Memory of the process.', rss),
    gauge('process_heap_used_bytes', 'Memory of its JavaScript objects.', heapUsed),
    counter('process_cpu_seconds', 'Processor time, by mode.', by('mode', { user: user / 1e6, system: system / 1e6 })),
    gauge(
      'event_loop_delay_seconds',
      'How long the event loop kept timers waiting in the last 10 to 20 seconds.',
      by('stat', delays),
    ),
    gauge('admin_listeners', 'Open event streams of the admin server.', listeners),
    counter('admin_events_suppressed', 'Events that were not told for being too many.', suppressedEvents),
  ]
}
