/** The process: CPU, event loop, memory, files. */
import { gauges, type Row } from '../panel.ts'

export const processRow: Row = {
  title: 'Process',
  panels: [
    {
      title: 'CPU',
      says: 'Cores in use. The event loop is one thread: near 1 it is full.',
      unit: 'none',
      queries: [
        ['rate(process_cpu_seconds_total{$i}[$r])', 'all'],
        ['rate(process_cpu_user_seconds_total{$i}[$r])', 'user'],
        ['rate(process_cpu_system_seconds_total{$i}[$r])', 'system'],
      ],
    },
    {
      title: 'Event loop lag',
      says: 'How late a timer is, 10 ms of which are the measurement. Above 0.2 s everything waits.',
      unit: 's',
      queries: [
        ['nodejs_eventloop_lag_seconds{$i}', 'now'],
        ['nodejs_eventloop_lag_p50_seconds{$i}', 'p50'],
        ['nodejs_eventloop_lag_p99_seconds{$i}', 'p99'],
      ],
      limits: [0.1, 0.2],
    },
    {
      title: 'Garbage collection',
      says: 'Share of the time that goes into garbage collection, by kind.',
      unit: 'percentunit',
      queries: [['rate(nodejs_gc_duration_seconds_sum{$i}[$r])', '{{kind}}']],
    },
    {
      title: 'Memory',
      says: 'Resident is what the machine gives; the log line at the start says what peers can take at the worst.',
      unit: 'bytes',
      queries: [
        ['process_resident_memory_bytes{$i}', 'resident'],
        ['nodejs_heap_size_used_bytes{$i}', 'heap used'],
        ['nodejs_heap_size_total_bytes{$i}', 'heap'],
        ['nodejs_external_memory_bytes{$i}', 'external'],
      ],
    },
    {
      title: 'Virtual memory',
      says: 'Address space: large with Node, and no reason to worry.',
      unit: 'bytes',
      queries: gauges('process_virtual_memory_bytes'),
    },
    {
      title: 'File descriptors',
      says: 'In use, and how many there may be. Each connection takes one.',
      unit: 'none',
      queries: [
        ['process_open_fds{$i}', 'open'],
        ['process_max_fds{$i}', 'limit'],
      ],
    },
  ],
}
