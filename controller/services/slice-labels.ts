/** Labels by which slices and Endpoints are known, and those that services and Endpoints hand on to what is made of them. */
export const serviceNameLabel = 'kubernetes.io/service-name';
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
export const skipMirrorLabel = 'endpointslice.kubernetes.io/skip-mirror';
export const headlessLabel = 'service.kubernetes.io/headless';

const own: ReadonlySet<string> = new Set([serviceNameLabel, managedByLabel, skipMirrorLabel, headlessLabel]);

type Labels = Readonly<Record<string, string>>;

/** The labels of `labels` that a dependant takes over. */
export const inherited = (labels: Labels | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(labels ?? {}).filter(([name]) => !own.has(name)));
