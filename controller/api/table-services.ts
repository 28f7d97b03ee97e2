/** Columns of services and of what lists their endpoints. */
import type { Endpoints, EndpointSlice, Service } from '../../proto/resources/kubernetes.ts';
import { ageColumn, ageOf, column, joined, type KindTable, nameColumn, nameOf, none, wide } from './table-column.ts';

const externalAddress = (service: Service): string => {
  const { spec, status } = service;
  const given = spec?.externalIPs ?? [];
  if (spec?.type === 'ExternalName') return spec.externalName ?? '';
  if (spec?.type !== 'LoadBalancer') return joined(given);
  const balanced = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname);
  return balanced.length + given.length > 0 ? joined([...balanced, ...given]) : '<pending>';
};

const servicePorts = (service: Service): string =>
  joined((service.spec?.ports ?? []).map(({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol ?? 'TCP'}`));

export const serviceTable: KindTable<Service> = {
  columns: [
    nameColumn,
    column('Type', 'How the service is reached.'),
    column('Cluster-IP', 'Address within the cluster.'),
    column('External-IP', 'Addresses outside the cluster.'),
    column('Port(s)', 'Ports, with those on the nodes.'),
    ageColumn,
    wide('Selector', 'Labels of the pods behind it.'),
  ],
  cells(service, nowMs) {
    const { spec } = service;
    const selector = Object.entries(spec?.selector ?? {}).map(([key, value]) => `${key}=${value}`);
    return [
      nameOf(service), spec?.type ?? '', spec?.clusterIP || none, externalAddress(service), servicePorts(service),
      ageOf(service, nowMs), joined(selector.toSorted()),
    ];
  },
};

/** The first three, and how many more there are. */
const few = (texts: readonly string[], nothing: string): string => {
  const shown = 3;
  const more = texts.length > shown ? ` + ${texts.length - shown} more...` : '';
  return texts.length === 0 ? nothing : `${texts.slice(0, shown).join(',')}${more}`;
};

const hostPort = (host: string, port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

const readyEndpoints = (endpoints: Endpoints): string[] =>
  (endpoints.subsets ?? []).flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0 ? addresses.map(({ ip }) => ip) : ports.flatMap(({ port }) => addresses.map(({ ip }) => hostPort(ip, port))));

export const endpointsTable: KindTable<Endpoints> = {
  columns: [nameColumn, column('Endpoints', 'Addresses that are ready, with their ports.'), ageColumn],
  cells: (endpoints, nowMs) => [nameOf(endpoints), few(readyEndpoints(endpoints), none), ageOf(endpoints, nowMs)],
};

export const endpointSliceTable: KindTable<EndpointSlice> = {
  columns: [
    nameColumn,
    column('AddressType', 'What its addresses are.'),
    column('Ports', 'Ports that all its endpoints have.'),
    column('Endpoints', 'Addresses of its endpoints.'),
    ageColumn,
  ],
  cells: (slice, nowMs) => [
    nameOf(slice), slice.addressType ?? '',
    few((slice.ports ?? []).map(({ port }) => (port === undefined ? '*' : String(port))), '<unset>'),
    few((slice.endpoints ?? []).flatMap(({ addresses }) => addresses), '<unset>'),
    ageOf(slice, nowMs),
  ],
};
