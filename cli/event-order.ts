/** Events in the order in which they happened. Pure. */
import type { Event } from '../proto/resources/kubernetes.ts';

/** When it happened last, RFC 3339: whichever of its times is known. */
export const eventTime = (event: Event): string =>
  event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp ?? event.metadata.creationTimestamp ?? '';

/** Times of whole seconds and of microseconds are both there; compared by what they mean. */
export const eventsNewestLast = (events: readonly Event[]): Event[] =>
  events
    .map((event) => ({ event, timeMs: Date.parse(eventTime(event)) || 0, position: Number(event.metadata.resourceVersion ?? 0) }))
    .toSorted((a, b) => a.timeMs - b.timeMs || a.position - b.position)
    .map(({ event }) => event);
