/** Identities, privileges and profiles of pods and containers. */
import type { FieldError } from '../errors.ts';
import { child, duplicates, index, inRange, invalidValue, oneOf, type Path, required, unsupported } from './field-error.ts';
import type { PodSecurityContext, PodSpec, SecurityContext } from './kubernetes.ts';
import { localPath } from './path-validation.ts';

/** The kernel's ids are 32 bits; Kubernetes keeps to the positive half. */
const idMax = 2 ** 31 - 1;
const sysctlCharactersMax = 253;
const sysctlPattern = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;

interface Profile {
  readonly type?: string;
  readonly localhostProfile?: string;
}

/** Seccomp and AppArmor profiles have the same form. `descends` asks for a path below the node's profile folder. */
const validateProfile = (profile: Profile | undefined, path: Path, name: string, descends: boolean): FieldError[] => {
  if (!profile) return [];
  const localhost = child(path, 'localhostProfile');
  const types = ['Localhost', 'RuntimeDefault', 'Unconfined'];
  if (!profile.type) return [required(child(path, 'type'), `type is required when ${name} is set`)];
  if (!types.includes(profile.type)) return [unsupported(child(path, 'type'), profile.type, types)];
  if (profile.type !== 'Localhost') {
    return profile.localhostProfile ? [invalidValue(localhost, profile.localhostProfile, `can only be set when ${name} type is Localhost`)] : [];
  }
  if (!profile.localhostProfile) return [required(localhost, `must be set when ${name} type is Localhost`)];
  return descends ? localPath(profile.localhostProfile, localhost) : [];
};

const validateIdentity = (context: SecurityContext | PodSecurityContext, path: Path): FieldError[] => [
  ...inRange(child(path, 'runAsUser'), context.runAsUser, 0, idMax),
  ...inRange(child(path, 'runAsGroup'), context.runAsGroup, 0, idMax),
  ...validateProfile(context.seccompProfile, child(path, 'seccompProfile'), 'seccomp', true),
  ...validateProfile(context.appArmorProfile, child(path, 'appArmorProfile'), 'AppArmor', false),
];

const grantsAdministration = (context: SecurityContext): boolean =>
  (context.capabilities?.add ?? []).some((capability) => capability === 'CAP_SYS_ADMIN' || capability === 'SYS_ADMIN');

export const validateSecurityContext = (context: SecurityContext | undefined, path: Path, hostUsers: boolean): FieldError[] => {
  if (!context) return [];
  const errors = [...validateIdentity(context, path), ...oneOf(child(path, 'procMount'), context.procMount, ['Default', 'Unmasked'])];
  if (context.procMount === 'Unmasked' && hostUsers) {
    errors.push(invalidValue(child(path, 'procMount'), context.procMount, '`hostUsers` must be false to use `Unmasked`'));
  }
  if (context.allowPrivilegeEscalation === false) {
    const shown = { allowPrivilegeEscalation: false };
    if (context.privileged) {
      errors.push(invalidValue(path, { ...shown, privileged: true }, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
    }
    if (grantsAdministration(context)) {
      errors.push(invalidValue(path, shown, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'));
    }
  }
  return errors;
};

const sharedWithHost = (name: string, spec: PodSpec): string | undefined => {
  const dotted = name.replaceAll('/', '.');
  if (spec.hostNetwork && dotted.startsWith('net.')) return "may not be specified when 'hostNetwork' is true";
  if (spec.hostIPC && /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/.test(dotted)) return "may not be specified when 'hostIPC' is true";
  return undefined;
};

const validateSysctls = (spec: PodSpec, path: Path): FieldError[] => {
  const sysctls = spec.securityContext?.sysctls ?? [];
  const nameAt = (at: number): Path => child(index(path, at), 'name');
  return [
    ...sysctls.flatMap(({ name }, at) => {
      if (!name) return [required(nameAt(at))];
      if (name.length > sysctlCharactersMax || !sysctlPattern.test(name)) {
        return [invalidValue(nameAt(at), name, `must have at most ${sysctlCharactersMax} characters and match regex ${sysctlPattern.source}`)];
      }
      const conflict = sharedWithHost(name, spec);
      return conflict ? [invalidValue(nameAt(at), name, conflict)] : [];
    }),
    ...duplicates(sysctls.map(({ name }) => name?.replaceAll('/', '.')), nameAt),
  ];
};

const validateNamespaces = (spec: PodSpec, path: Path): FieldError[] => {
  if (spec.shareProcessNamespace && spec.hostPID) {
    return [invalidValue(child(path, 'shareProcessNamespace'), true, 'ShareProcessNamespace and HostPID cannot both be enabled')];
  }
  return [];
};

/** `path` is that of the pod's spec: host namespaces belong to this subject too. */
export const validatePodSecurityContext = (spec: PodSpec, path: Path): FieldError[] => {
  const errors = validateNamespaces(spec, path);
  const context = spec.securityContext;
  if (!context) return errors;
  const here = child(path, 'securityContext');
  return [
    ...errors,
    ...validateIdentity(context, here),
    ...inRange(child(here, 'fsGroup'), context.fsGroup, 0, idMax),
    ...(context.supplementalGroups ?? []).flatMap((group, at) => inRange(index(child(here, 'supplementalGroups'), at), group, 0, idMax)),
    ...oneOf(child(here, 'supplementalGroupsPolicy'), context.supplementalGroupsPolicy, ['Merge', 'Strict']),
    ...oneOf(child(here, 'fsGroupChangePolicy'), context.fsGroupChangePolicy, ['Always', 'OnRootMismatch']),
    ...validateSysctls(spec, child(here, 'sysctls')),
  ];
};
