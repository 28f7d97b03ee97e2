import test from 'ava';
import { Ledger } from '../../chaos/ledger.ts';

const key = 'map-1';
const ledgerOf = (...acknowledged: ('create' | 'write' | 'delete')[]): Ledger => {
  const ledger = new Ledger();
  for (const [at, verb] of acknowledged.entries()) {
    ledger.attempt(key, { serial: at + 1, verb });
    ledger.acknowledge(key, at + 1, (at + 1) * 10);
  }
  return ledger;
};

test('what was acknowledged last must be there, at its revision', (t) => {
  const ledger = ledgerOf('create', 'write');
  t.is(ledger.complaint(key, { serial: 2, revision: 20 }), undefined);
  t.regex(ledger.complaint(key, { serial: 1, revision: 10 }) ?? '', /acknowledged is write 2.*and 1 is found/);
  t.regex(ledger.complaint(key, { serial: 2, revision: 25 }) ?? '', /found at 25/);
  t.regex(ledger.complaint(key, undefined) ?? '', /gone/);
  t.is(ledger.acknowledged, 2);
});

test('a write without an answer may be there or not, until a later one is acknowledged', (t) => {
  const ledger = ledgerOf('create');
  ledger.attempt(key, { serial: 2, verb: 'write' });
  t.is(ledger.complaint(key, { serial: 1, revision: 10 }), undefined);
  t.is(ledger.complaint(key, { serial: 2, revision: 20 }), undefined);
  t.not(ledger.complaint(key, undefined), undefined);
  ledger.attempt(key, { serial: 3, verb: 'write' });
  ledger.acknowledge(key, 3, 30);
  t.not(ledger.complaint(key, { serial: 2, revision: 20 }), undefined);
});

test('what was deleted is gone, unless an earlier creation without an answer arrives late', (t) => {
  const ledger = new Ledger();
  ledger.attempt(key, { serial: 1, verb: 'create' });
  ledger.attempt(key, { serial: 2, verb: 'create' });
  ledger.acknowledge(key, 2, 20);
  t.not(ledger.complaint(key, { serial: 1, revision: 30 }), undefined);
  ledger.attempt(key, { serial: 3, verb: 'delete' });
  ledger.acknowledge(key, 3);
  t.is(ledger.complaint(key, undefined), undefined);
  t.is(ledger.complaint(key, { serial: 1, revision: 40 }), undefined);
  t.not(ledger.complaint(key, { serial: 2, revision: 20 }), undefined);
});

test('a deletion without an answer may have happened', (t) => {
  const ledger = ledgerOf('create');
  ledger.attempt(key, { serial: 2, verb: 'delete' });
  t.is(ledger.complaint(key, undefined), undefined);
  t.is(ledger.complaint(key, { serial: 1, revision: 10 }), undefined);
});
