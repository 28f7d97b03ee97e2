/** The Accept header: in which form the client wants objects. */
import { ApiError } from '../../proto/errors.ts';

/** Objects as they are, kubectl's tables, or metadata alone. */
export type Form = 'object' | 'table' | 'metadata';

interface MediaRange {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const rangesMax = 32;

/** The ranges of an Accept header in the client's order, which is how Kubernetes' clients rank them. */
export const mediaRanges = (accept: string | undefined): MediaRange[] =>
  (accept || '*/*').split(',', rangesMax).map((text) => {
    const [type = '', ...parameters] = text.split(';').map((part) => part.trim());
    return {
      type: type.toLowerCase(),
      parameters: new Map(
        parameters.map((parameter): [string, string] => {
          const [name = '', value = ''] = parameter.split('=');
          return [name.trim().toLowerCase(), value.trim()];
        }),
      ),
    };
  });

export const acceptsJson = ({ type }: MediaRange): boolean => type === 'application/json' || type === '*/*' || type === 'application/*';

const formOf = ({ parameters }: MediaRange): Form | undefined => {
  const as = parameters.get('as');
  if (as === undefined) return 'object';
  if (parameters.get('g') !== 'meta.k8s.io' || parameters.get('v') !== 'v1') return undefined;
  if (as === 'Table') return 'table';
  return as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList' ? 'metadata' : undefined;
};

/** @throws ApiError NotAcceptable when there is no form that the client takes. */
export const negotiateForm = (accept: string | undefined): Form => {
  for (const range of mediaRanges(accept)) {
    const form = acceptsJson(range) ? formOf(range) : undefined;
    if (form) return form;
  }
  throw new ApiError('NotAcceptable', 'only the following media types are accepted: application/json');
};

export const acceptsGzip = (acceptEncoding: string | undefined): boolean =>
  (acceptEncoding ?? '').split(',').some((text) => /^\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*$).*)?$/i.test(text));
