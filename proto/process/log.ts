/** Logging: one line per entry, logfmt-like, to standard error; never an object's data, never a secret. */
import winston from 'winston';

export interface Log {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** A log whose entries name the part of the program that wrote them. */
  child(part: string): Log;
}

const field = ([key, value]: [string, unknown]): string =>
  `${key}=${value instanceof Error ? JSON.stringify(value.message) : JSON.stringify(value)}`;

const line = winston.format.printf(({ level, message, timestamp, part, fields }) => {
  const rest = Object.entries((fields ?? {}) as Record<string, unknown>).map(field).join(' ');
  return `${String(timestamp)} ${level.padEnd(5)} ${part ? `${String(part)}: ` : ''}${String(message)}${rest ? ` ${rest}` : ''}`;
});

const wrap = (logger: winston.Logger, part: string): Log => ({
  debug: (message, fields) => void logger.debug(message, { part, fields }),
  info: (message, fields) => void logger.info(message, { part, fields }),
  warn: (message, fields) => void logger.warn(message, { part, fields }),
  error: (message, fields) => void logger.error(message, { part, fields }),
  child: (child) => wrap(logger, part ? `${part}.${child}` : child),
});

/** A log to standard error. `level` is one of debug, info, warn, error. */
export const createLog = (level = 'info'): Log =>
  wrap(
    winston.createLogger({
      level,
      format: winston.format.combine(winston.format.timestamp(), line),
      transports: [new winston.transports.Console({ stderrLevels: ['debug', 'info', 'warn', 'error'] })],
    }),
    '',
  );

/** A log that keeps nothing; for tests. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};
