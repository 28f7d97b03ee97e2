/** One API server for all tests of a file: they name their objects apart, and none stops it. */
import type { ExecutionContext, TestFn } from 'ava';
import { type ApiFixture, startApi } from '../fixtures/api-server.ts';

/** Starts the server before the file's tests and stops it after them; the result gives it to a running test. */
export const sharedApi = (test: TestFn): (() => ApiFixture) => {
  const ends: (() => unknown)[] = [];
  let fixture: ApiFixture | undefined;
  test.serial.before(async () => {
    // Hooks have no teardown of their own.
    const teardown = (end: () => unknown): void => void ends.push(end);
    fixture = await startApi({ teardown } as unknown as ExecutionContext);
  });
  test.after.always(async () => {
    for (const end of ends.reverse()) await end();
  });
  return () => {
    if (!fixture) throw new Error('the server is started before the first test');
    return fixture;
  };
};
