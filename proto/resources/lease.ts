/** Leases: who holds a role, and until when. */
import type { FieldError } from '../errors.ts';
import { invalidValue, notNegative } from './field-error.ts';
import type { Lease } from './kubernetes.ts';
import { subdomainName } from './names.ts';
import type { KindRules } from './strategy.ts';

const positive = (field: string, value: number | null | undefined): FieldError[] =>
  value === undefined || value === null || value > 0 ? [] : [invalidValue(field, value, 'must be greater than 0')];

export const leaseRules: KindRules<Lease> = {
  name: subdomainName,
  validate: ({ spec }) => [
    ...positive('spec.leaseDurationSeconds', spec?.leaseDurationSeconds),
    ...notNegative('spec.leaseTransitions', spec?.leaseTransitions),
  ],
};
