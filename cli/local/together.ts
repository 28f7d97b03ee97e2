/** Waits for all of what runs side by side, also where one has failed, so that nothing goes on behind an error; then throws the first. */
export const together = async (works: readonly Promise<unknown>[]): Promise<void> => {
  const failed = (await Promise.allSettled(works)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
};
