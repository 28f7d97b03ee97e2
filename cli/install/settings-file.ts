/** Configuration files that a person may change afterwards: written once, kept from then on. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { stringify } from 'yaml';
import { writeWhole } from '../keyed-files.ts';

/** Returns whether it was written. */
export const writeNew = (file: string, text: string): boolean => {
  if (existsSync(file)) return false;
  mkdirSync(dirname(file), { recursive: true });
  writeWhole(file, text);
  return true;
};

/** `seeMore` is where the keys are explained. */
export const writeSettingsFile = (file: string, seeMore: string, settings: object): boolean =>
  writeNew(file, `# Written by "berth install", and yours from now on. ${seeMore}\n${stringify(settings)}`);
