/** Failures that are the caller's: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
