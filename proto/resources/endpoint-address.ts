/** The addresses of endpoints, in both kinds that list them. */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { FieldError } from '../errors.ts';
import { invalidValue, type Path } from './field-error.ts';

const wrongAddress = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';

/** Addresses that mean something else on every machine: an endpoint there would be a hole into the node. */
const special: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/^(0\.0\.0\.0|::)$/, 'may not be unspecified'],
  [/^(127\.|::1$)/, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
  [/^(169\.254\.|fe[89ab])/i, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
  [/^(224\.0\.0\.|ff02:)/i, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
];

const notSpecial = (address: string, path: Path): FieldError[] =>
  special.filter(([pattern]) => pattern.test(address)).map(([, why]) => invalidValue(path, address, why));

/** What an address behind a service must not be. */
export const validateEndpointAddress = (address: string, path: Path): FieldError[] =>
  isIP(address) ? notSpecial(address, path) : [invalidValue(path, address, wrongAddress)];

/** The same for an address of a slice's `addressType`. */
export const validateTypedAddress = (address: string, type: string, path: Path): FieldError[] => {
  if (type === 'IPv4') return isIPv4(address) ? notSpecial(address, path) : [invalidValue(path, address, 'must be a valid IPv4 address')];
  if (type === 'IPv6') return isIPv6(address) ? notSpecial(address, path) : [invalidValue(path, address, 'must be a valid IPv6 address')];
  return [];
};

