import { monitorEventLoopDelay } from 'node:perf_hooks';

import type { Metrics } from '../telemetry/metrics.ts';

const RESOLUTION_MS = 10;
const NANOSECONDS_PER_MS = 1e6;
const MICROSECONDS_PER_MS = 1e3;

/**
 * Puts memory, processor time and event loop delay of the process behind the gauges of one region. The function
 * that is returned takes them off again.
 */
export function exportProcessMetrics(metrics: Metrics): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const off = [
    metrics.gauge('tidemark_process_resident_bytes', () => sample(process.memoryUsage.rss())),
    metrics.gauge('tidemark_process_heap_used_bytes', () => sample(process.memoryUsage().heapUsed)),
    metrics.gauge('tidemark_process_cpu_seconds', () => {
      const { user, system } = process.cpuUsage();
      return [{ labels: {}, valueMs: (user + system) / MICROSECONDS_PER_MS }];
    }),
    metrics.gauge('tidemark_process_event_loop_delay_seconds', () => {
      const quantiles = [
        { quantile: '0.5', nanoseconds: delay.percentile(50) },
        { quantile: '0.99', nanoseconds: delay.percentile(99) },
        { quantile: '1', nanoseconds: delay.max },
      ];
      delay.reset();
      // The histogram counts its own timer's period as delay.
      return quantiles.map(({ quantile, nanoseconds }) => ({
        labels: { quantile },
        valueMs: Math.max(0, nanoseconds / NANOSECONDS_PER_MS - RESOLUTION_MS),
      }));
    }),
  ];
  return () => {
    delay.disable();
    for (const takeOff of off) takeOff();
  };
}

const sample = (value: number) => [{ labels: {}, value }];
