/** Failures of a node's writes that pass by themselves: etcd away or slow, too much under way, somebody else faster. Pure. */
import { isApiError, type Reason } from '../../proto/errors.ts';

const passing: readonly Reason[] = ['Conflict', 'ServiceUnavailable', 'Timeout', 'TooManyRequests'];

/** Whether the same write is worth another try. */
export const isPassing = (error: unknown): boolean => passing.some((reason) => isApiError(error, reason));
