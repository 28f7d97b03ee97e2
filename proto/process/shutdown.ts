/** A process ends in order: on the first SIGTERM or SIGINT the signal aborts, on the second it dies. */

/** Aborts when the process is asked to end. */
export const shutdownSignal = (): AbortSignal => {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(1);
    controller.abort(new Error('the process was asked to end'));
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return controller.signal;
};
