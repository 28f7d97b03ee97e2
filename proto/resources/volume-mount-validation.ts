/** Where containers see their volumes. */
import type { FieldError } from '../errors.ts';
import { child, forbiddenField, index, invalidValue, notFoundValue, oneOf, type Path, required } from './field-error.ts';
import type { Container, VolumeMount } from './kubernetes.ts';
import { localPath } from './path-validation.ts';

const validatePropagation = (mount: VolumeMount, path: Path, isPrivileged: boolean): FieldError[] => {
  const errors = oneOf(child(path, 'mountPropagation'), mount.mountPropagation, ['Bidirectional', 'HostToContainer', 'None']);
  if (mount.mountPropagation === 'Bidirectional' && !isPrivileged) {
    errors.push(forbiddenField(child(path, 'mountPropagation'), 'Bidirectional mount propagation is available only to privileged containers'));
  }
  const recursive = mount.recursiveReadOnly;
  errors.push(...oneOf(child(path, 'recursiveReadOnly'), recursive, ['Disabled', 'Enabled', 'IfPossible']));
  if (recursive && recursive !== 'Disabled' && !mount.readOnly) {
    errors.push(forbiddenField(child(path, 'recursiveReadOnly'), 'may only be specified when readOnly is true'));
  }
  return errors;
};

const validateMount = (mount: VolumeMount, volumes: ReadonlySet<string>, path: Path): FieldError[] => {
  const errors: FieldError[] = [];
  if (!mount.name) errors.push(required(child(path, 'name')));
  else if (!volumes.has(mount.name)) errors.push(notFoundValue(child(path, 'name'), mount.name));
  if (!mount.mountPath) errors.push(required(child(path, 'mountPath')));
  if (mount.subPath) errors.push(...localPath(mount.subPath, child(path, 'subPath')));
  if (mount.subPathExpr) {
    errors.push(
      ...(mount.subPath
        ? [invalidValue(child(path, 'subPathExpr'), mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive')]
        : localPath(mount.subPathExpr, child(path, 'subPathExpr'))),
    );
  }
  return errors;
};

/** `volumes` are the names in the pod's spec. */
export const validateVolumeMounts = (container: Container, volumes: ReadonlySet<string>, path: Path): FieldError[] => {
  const seen = new Set<string>();
  const isPrivileged = container.securityContext?.privileged === true;
  return (container.volumeMounts ?? []).flatMap((mount, at) => {
    const here = index(path, at);
    const errors = [...validateMount(mount, volumes, here), ...validatePropagation(mount, here, isPrivileged)];
    if (mount.mountPath && seen.has(mount.mountPath)) {
      errors.push(invalidValue(child(here, 'mountPath'), mount.mountPath, 'must be unique'));
    }
    seen.add(mount.mountPath);
    return errors;
  });
};
