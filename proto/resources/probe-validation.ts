/** Probes and lifecycle hooks: exactly one handler each, with sensible numbers. */
import type { FieldError } from '../errors.ts';
import { child, forbiddenField, index, inRange, invalidValue, notNegative, oneOf, type Path, required, broken } from './field-error.ts';
import type { Container, LifecycleHandler, Probe } from './kubernetes.ts';
import { portName } from './names.ts';

type HttpGet = NonNullable<Probe['httpGet']>;

const headerPattern = /^[-A-Za-z0-9]+$/;

/** A number, or the name of one of the container's ports. */
const validatePort = (port: unknown, path: Path): FieldError[] => {
  if (typeof port === 'number') return inRange(path, port, 1, 65_535);
  return typeof port === 'string' && port !== '' ? broken(path, port, portName) : [required(path)];
};

const validateHttpGet = (get: HttpGet, path: Path): FieldError[] => [
  ...(get.path ? [] : [required(child(path, 'path'))]),
  ...validatePort(get.port, child(path, 'port')),
  ...oneOf(child(path, 'scheme'), get.scheme, ['HTTP', 'HTTPS']),
  ...(get.httpHeaders ?? []).flatMap(({ name }, at) =>
    headerPattern.test(name ?? '')
      ? []
      : [invalidValue(child(index(child(path, 'httpHeaders'), at), 'name'), name, "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')")],
  ),
];

type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<LifecycleHandler, 'sleep'>;

const validateHandler = (handler: Handler, path: Path, graceSeconds: number | undefined): FieldError[] => {
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
  const given = Object.entries({ exec, httpGet, tcpSocket, grpc, sleep }).filter(([, value]) => value);
  if (given.length === 0) return [required(path, 'must specify a handler type')];
  const errors = given.slice(1).map(([type]) => forbiddenField(child(path, type), 'may not specify more than 1 handler type'));
  if (exec && !exec.command?.length) errors.push(required(child(path, 'exec', 'command')));
  if (httpGet) errors.push(...validateHttpGet(httpGet, child(path, 'httpGet')));
  if (tcpSocket) errors.push(...validatePort(tcpSocket.port, child(path, 'tcpSocket', 'port')));
  if (grpc) errors.push(...inRange(child(path, 'grpc', 'port'), grpc.port ?? 0, 1, 65_535));
  if (sleep && graceSeconds !== undefined && (sleep.seconds <= 0 || sleep.seconds > graceSeconds)) {
    errors.push(invalidValue(child(path, 'sleep'), sleep.seconds, `must be greater than 0 and less than terminationGracePeriodSeconds (${graceSeconds})`));
  }
  return errors;
};

type ProbeField = 'livenessProbe' | 'readinessProbe' | 'startupProbe';

const counts = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const;

const validateProbe = (probe: Probe, field: ProbeField, path: Path): FieldError[] => {
  const errors = [
    ...validateHandler(probe, path, undefined),
    ...counts.flatMap((count) => notNegative(child(path, count), probe[count])),
  ];
  const grace = probe.terminationGracePeriodSeconds ?? undefined;
  const gracePath = child(path, 'terminationGracePeriodSeconds');
  if (field === 'readinessProbe') {
    if (grace !== undefined) errors.push(invalidValue(gracePath, grace, 'must not be set for readinessProbes'));
    return errors;
  }
  if (grace !== undefined && grace <= 0) errors.push(invalidValue(gracePath, grace, 'must be greater than 0'));
  // These two act on failure alone: one success already ends what they watch for.
  if ((probe.successThreshold ?? 1) !== 1) errors.push(invalidValue(child(path, 'successThreshold'), probe.successThreshold, 'must be 1'));
  return errors;
};

export const validateProbes = (container: Container, path: Path): FieldError[] =>
  (['livenessProbe', 'readinessProbe', 'startupProbe'] as const).flatMap((field) => {
    const probe = container[field];
    return probe ? validateProbe(probe, field, child(path, field)) : [];
  });

export const validateLifecycle = (container: Container, path: Path, graceSeconds: number): FieldError[] =>
  (['postStart', 'preStop'] as const).flatMap((hook) => {
    const handler = container.lifecycle?.[hook];
    return handler ? validateHandler(handler, child(path, 'lifecycle', hook), graceSeconds) : [];
  });
