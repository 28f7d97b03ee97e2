/** Failures that are as good as success: what was to be changed is gone, or somebody else did it. */
import { isApiError, type Reason } from '../../proto/errors.ts';

/** The write's result; undefined when it failed for one of `reasons`. Other failures pass. */
export const ignoring = async <T>(reasons: readonly Reason[], write: Promise<T>): Promise<T | undefined> => {
  try {
    return await write;
  } catch (error) {
    if (reasons.some((reason) => isApiError(error, reason))) return undefined;
    throw error;
  }
};
