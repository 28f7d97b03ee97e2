/** Paths that must stay below the folder that they are joined to. */
import type { FieldError } from '../errors.ts';
import { invalidValue, type Path } from './field-error.ts';

export const noDotDot = (target: string, path: Path): FieldError[] =>
  target.split('/').includes('..') ? [invalidValue(path, target, "must not contain '..'")] : [];

export const localPath = (target: string, path: Path): FieldError[] => [
  ...(target.startsWith('/') ? [invalidValue(path, target, 'must be a relative path')] : []),
  ...noDotDot(target, path),
];

/** A file in a projected folder, where names with two leading dots are used for swapping versions. */
export const localFilePath = (target: string, path: Path): FieldError[] => [
  ...localPath(target, path),
  ...(target.startsWith('..') && !target.startsWith('../') && target !== '..' ? [invalidValue(path, target, "must not start with '..'")] : []),
];
