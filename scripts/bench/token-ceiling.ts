/**
 * What the tokens of a fleet can do at most, on this machine and at this moment: the PKCS#11 work of one recovery at every node,
 * as many processes at once as the fleet has nodes, with enough calls in flight for group commit. All else that a fleet
 * does is measured against it. Work per recovery and node: commit, sign the vote; open the share and evaluate, sign the
 * answer; commit, sign the acknowledgement of the confirmation. (A real one signs a status too: that counts for the fleet.)
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { normalisePasscode, PASSCODE } from '../../src/client/index.ts';
import { nativeArgon2id } from '../../src/client/node/index.ts';
import { blindInput, dealRegistration } from '../../src/client/open.ts';
import { KDF_MIN } from '../../src/vault/kdf.ts';
import { coreOf, parseRegistration, shareContext } from '../../src/vault/registration.ts';
import { accountId } from '../../src/vault/slot.ts';
import { BENCH_POLICY } from './accounts.ts';
import { Child } from './child.ts';
import type { DevelopmentFleet } from './development-fleet.ts';
import type { Loaded } from './load.ts';
import { cpuSeconds } from './proc.ts';
import { percentile, report, round, tell } from './report.ts';
import type { TokenWork } from './token-ceiling-process.ts';

const IN_FLIGHT = 64;

export interface Ceiling {
  readonly perSecond: number;
  /** CPU of all tokens' processes for one recovery. */
  readonly cpuMsEach: number;
}

/** @param at a fleet that does not run: its tokens are used */
export async function tokenCeiling(at: DevelopmentFleet, durationMs: number): Promise<Ceiling> {
  const size = at.fleet.nodes.length;
  tell(`the ceiling of ${size} tokens, ${round(durationMs / 1000)} s`);
  const work = await workOf(at);
  const children = at.layout.nodes.map(({ environment }) =>
    Child.start(new URL('./token-ceiling-process.ts', import.meta.url), environment),
  );
  try {
    await Promise.all(children.map((child, i) => child.call('open', work[i])));
    const spent = () => children.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
    // Connected, and its code compiled.
    await Promise.all(children.map((child) => child.call<Loaded>('run', { inFlight: IN_FLIGHT, durationMs: durationMs / 4 })));
    const spentBefore = spent();
    const loads = await Promise.all(children.map((child) => child.call<Loaded>('run', { inFlight: IN_FLIGHT, durationMs })));
    const cpuMsEach = (1000 * (spent() - spentBefore) * size) / loads.reduce((sum, { done }) => sum + done, 0);
    const failed = loads.flatMap((one) => Object.keys(one.failed));
    if (failed.length > 0) throw new Error(`the token refused: ${failed.join(', ')}`);
    await Promise.all(children.map((child) => child.call('close', undefined)));
    // Every recovery costs every node this much, so the fleet does as many as one node does while all are at it.
    const rates = loads.map(({ done, seconds }) => done / seconds);
    const perSecond = rates.reduce((sum, rate) => sum + rate, 0) / size;
    const latencies = loads.flatMap(({ latenciesMs }) => latenciesMs);
    report('token-ceiling', {
      nodes: size,
      recoveriesPerSecond: round(perSecond),
      slowestToken: round(Math.min(...rates)),
      cpuMsEach: round(cpuMsEach),
      p50Ms: percentile(latencies, 0.5),
      p99Ms: percentile(latencies, 0.99),
      inFlight: IN_FLIGHT,
      seconds: round(durationMs / 1000),
    });
    return { perSecond, cpuMsEach };
  } finally {
    await Promise.all(children.map((child) => child.end()));
  }
}

/** A share that each token really opens, sealed by a client. */
async function workOf({ fleet: { fleet }, module, layout, profile }: DevelopmentFleet): Promise<TokenWork[]> {
  const place = { tenant: profile.tenant, account: accountId(fleet.namespace, profile.accounts, 'ceiling'), way: PASSCODE };
  const input = normalisePasscode('271828');
  const deposit = { secret: new Secret(systemRandom(32)), input, policy: BENCH_POLICY, kdf: KDF_MIN };
  const dealt = await dealRegistration(fleet, place, 1, deposit, { random: systemRandom, argon2id: nativeArgon2id });
  const registration = parseRegistration(dealt.registration, fleet);
  const { element } = blindInput(input, systemRandom);
  return layout.nodes.map(({ name, folder }, i) => {
    const [sealed, node, publicShare] = [registration.shares[i], fleet.nodes[i], registration.core.publicShares[i]];
    if (sealed === undefined || 'hash' in sealed || node === undefined || publicShare === undefined)
      throw new Error('a node without a share');
    return {
      module,
      label: name,
      pin: readFileSync(join(folder, 'pin'), 'utf8').trim(),
      sealed,
      context: shareContext(fleet, node, sealed.ephemeralKey, coreOf(registration)),
      publicShare,
      element,
    };
  });
}
