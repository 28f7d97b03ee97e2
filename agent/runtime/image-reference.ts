/** Image references, normalised as container tools do: `busybox` is `docker.io/library/busybox:latest`. Pure. */

export interface ImageReference {
  /** Host, and port where it has one. */
  readonly domain: string;
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const referenceCharactersMax = 4096;
const namePattern = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const domainPattern = /^(?:\[[0-9a-fA-F:]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)(?::\d+)?$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;

const splitOnce = (text: string, at: number): [string, string | undefined] => (at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]);

/** The first part is a host when it looks like one: a dot, a port, or localhost. */
const splitDomain = (name: string): [string, string] => {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isDomain = /[.:]/.test(first) || first === 'localhost';
  if (!isDomain) return ['docker.io', slash < 0 ? `library/${name}` : name];
  const path = name.slice(slash + 1);
  const domain = first === 'index.docker.io' ? 'docker.io' : first;
  return [domain, domain === 'docker.io' && !path.includes('/') ? `library/${path}` : path];
};

/** Undefined when the text names no image. */
export const parseImageReference = (text: string): ImageReference | undefined => {
  if (text.length > referenceCharactersMax) return undefined;
  const [rest, digest] = splitOnce(text, text.indexOf('@'));
  const colon = rest.lastIndexOf(':');
  const [name, tag] = splitOnce(rest, colon > rest.lastIndexOf('/') ? colon : -1);
  const [domain, path] = splitDomain(name);
  const valid =
    domainPattern.test(domain) && namePattern.test(path) && (tag === undefined || tagPattern.test(tag)) && (digest === undefined || digestPattern.test(digest));
  if (!valid) return undefined;
  return { domain, path, tag: tag ?? (digest === undefined ? 'latest' : undefined), digest };
};

export const repositoryOf = ({ domain, path }: ImageReference): string => `${domain}/${path}`;

/** What CRI is asked for: with both a tag and a digest, the digest decides. */
export const formatImageReference = (reference: ImageReference): string =>
  reference.digest === undefined ? `${repositoryOf(reference)}:${reference.tag}` : `${repositoryOf(reference)}@${reference.digest}`;

/** Kubernetes' default: Always for `latest`, else IfNotPresent. */
export const defaultPullPolicy = ({ tag, digest }: ImageReference): 'Always' | 'IfNotPresent' =>
  tag === 'latest' && digest === undefined ? 'Always' : 'IfNotPresent';
