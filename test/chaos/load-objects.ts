/** What the load consists of. Everything about an object follows from its serial number, so that a reader knows what it must look like. */
import type { ConfigMap, Deployment, Pod, PodSpec, Service } from '../../proto/resources/kubernetes.ts';
import { deployment } from '../fixtures/workload.ts';

export const namespace = 'default';
export const serverName = 'web';
export const scaledName = 'scaled';
export const soloName = 'solo';
/** Marks what is the load's. */
export const loadLabel = { chaos: 'load' } as const;
export const loadSelector = 'chaos=load';
export const serverText = 'here\n';
const serverPort = 8080;
const serverReplicas = 3;
const scaledReplicasMax = 4;
/** For so long a server that has to go still answers; every node knows by then, also a slow one. */
const serverFarewellSeconds = 6;
/** With none, a pod's object would go before what runs, and its name be given again at once, as in Kubernetes. */
export const graceSeconds = 1;

/** What an image of the server runs. */
export const serverScript = `mkdir -p /www\nprintf '${serverText.trim()}\\n' > /www/index.html\nexec httpd -f -p ${serverPort} -h /www\n`;

/** Pods leave a node that fails at once, whatever the cluster's default is: a window is short. */
const tolerations: NonNullable<PodSpec['tolerations']> = ['not-ready', 'unreachable'].map((what) => ({
  key: `node.kubernetes.io/${what}`, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 0,
}));

const labelled = (made: Deployment, serial: number): Deployment => {
  const { spec } = made;
  if (!spec) throw new Error('a deployment has a spec');
  const { template } = spec;
  return {
    ...made,
    metadata: { ...made.metadata, labels: loadLabel, annotations: { serial: String(serial) } },
    spec: {
      ...spec,
      template: {
        metadata: { ...template.metadata, labels: { ...template.metadata?.labels, ...loadLabel }, annotations: { round: String(serial) } },
        spec: { ...(template.spec as PodSpec), tolerations, terminationGracePeriodSeconds: graceSeconds },
      },
    },
  };
};

/** Answers while it is ready, and a while longer than it is anybody's endpoint. */
export const serverDeployment = (image: string, serial: number): Deployment => {
  const made = labelled(deployment(serverName, image, serverReplicas, ['/bin/sh', '/run.sh']), serial);
  const spec = made.spec?.template.spec as PodSpec;
  const [container] = spec.containers;
  if (container) {
    container.readinessProbe = { httpGet: { path: '/', port: serverPort }, periodSeconds: 1 };
    container.lifecycle = { preStop: { sleep: { seconds: serverFarewellSeconds } } };
  }
  spec.terminationGracePeriodSeconds = serverFarewellSeconds + graceSeconds;
  return made;
};

export const replicasAt = (serial: number): number => 1 + (Math.imul(serial, 7) % scaledReplicasMax);

export const scaledDeployment = (image: string, serial: number): Deployment => labelled(deployment(scaledName, image, replicasAt(serial)), serial);

export const serverService: Service = {
  apiVersion: 'v1', kind: 'Service', metadata: { name: serverName, namespace, labels: loadLabel },
  spec: { type: 'NodePort', selector: { app: serverName }, ports: [{ port: 80, targetPort: serverPort, protocol: 'TCP' }] },
};

/** A pod of nobody's, whose name is given again and again. */
export const soloPod = (image: string): Pod => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name: soloName, namespace, labels: { app: soloName, ...loadLabel } },
  spec: { tolerations, terminationGracePeriodSeconds: graceSeconds, containers: [{ name: 'main', image, command: ['/bin/busybox', 'sleep', '3600'] }] },
});

export const configMap = (name: string, serial: number, resourceVersion?: string): ConfigMap => ({
  apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels: loadLabel, ...(resourceVersion ? { resourceVersion } : {}) }, data: { serial: String(serial) },
});
