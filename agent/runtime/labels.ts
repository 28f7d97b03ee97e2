/** What the agent writes on sandboxes and containers, so that it finds them again after it was killed. Names as Kubernetes'. */

export const podNameLabel = 'io.kubernetes.pod.name';
export const podNamespaceLabel = 'io.kubernetes.pod.namespace';
export const podUidLabel = 'io.kubernetes.pod.uid';
export const containerNameLabel = 'io.kubernetes.container.name';

export const messagePathAnnotation = 'io.kubernetes.container.terminationMessagePath';
export const messagePolicyAnnotation = 'io.kubernetes.container.terminationMessagePolicy';
/** The image as the pod names it, and in its digest form: CRI lists only an id. */
export const imageAnnotation = 'berth.dev/image';
export const imageIdAnnotation = 'berth.dev/image-id';
