/** Assertions find programmer errors; what can happen at run time is handled, not asserted. */

export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Marks the branch that the types rule out. */
export const assertNever = (value: never): never => {
  throw new AssertionError(`unexpected value ${JSON.stringify(value)}`);
};
