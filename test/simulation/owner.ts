/** The person the account belongs to, at several devices: deposits, replaces, recovers, mistypes, deletes, objects. */
import type { Id } from '../../src/base/bytes.ts';
import { deposit } from '../../src/quorum/client/deposit.ts';
import type { ClientMachine, Opened } from '../../src/quorum/client/effects.ts';
import { pushActivation, pushConfirmation } from '../../src/quorum/client/push.ts';
import { recover } from '../../src/quorum/client/recover.ts';
import type { Registration } from '../../src/vault/registration.ts';
import { Device, type Intent, type Outcome } from './device.ts';
import type { Simulation } from './simulation.ts';

type Authority = { readonly registration: Registration; readonly opened: Opened };

export class Owner {
  readonly devices: readonly Device[];
  readonly #simulation: Simulation;
  /** Passcodes that were ever set, the latest last: an unfinished change may or may not have come about. */
  readonly passcodes: string[] = [];
  /** Digests that a fleet's quorum acknowledged to a device. */
  readonly acknowledged: Id[] = [];
  #authority: Authority | undefined;

  constructor(simulation: Simulation, devices: number) {
    this.#simulation = simulation;
    this.devices = Array.from({ length: devices }, (_, i) => new Device(simulation, 'owner', `device ${i + 1}`, simulation.place));
  }

  live(): void {
    for (const device of this.devices) this.#next(device);
  }

  #next(device: Device): void {
    const { world, activity } = this.#simulation;
    world.after(world.chance.between(200, activity.ownerPauseMs), () => {
      if (this.#simulation.quiet) return;
      this.#act(device, () => this.#next(device));
    });
  }

  #act(device: Device, done: () => void): void {
    const { world, story, activity } = this.#simulation;
    const what = this.passcodes.length === 0 ? 'deposit' : world.chance.weighted(activity.owner);
    const intent = (passcode: string, tombstone = false, authorised = false): Intent => ({ passcode, tombstone, authorised });
    const then = <T>(told: string, machine: ClientMachine<T>, meant: Intent, after: (outcome: Outcome<T>) => void = () => undefined) => {
      story.tell(device.name, () => `begins: ${told}`);
      device.run(machine, meant, (outcome) => {
        story.tell(device.name, () => `ends: ${told}: ${spell(outcome)}`);
        after(outcome);
        done();
      });
    };
    switch (what) {
      case 'deposit': {
        const passcode = this.#newPasscode();
        return this.#deposit(device, then, undefined, intent(passcode));
      }
      case 'replace':
      case 'delete': {
        const authority = this.#authority;
        if (authority === undefined) return this.#recover(device, then, intent);
        const tombstone = what === 'delete';
        const passcode = tombstone ? '' : this.#newPasscode();
        return this.#deposit(device, then, authority, intent(passcode, tombstone, true));
      }
      case 'recover':
        return this.#recover(device, then, intent);
      case 'mistype':
        return then('recovers, mistyped', recover(device.client), intent('mistyped'));
      case 'push':
        return then('pushes', push(device), intent(''));
      case 'cancel':
        this.#object(device);
        return done();
    }
  }

  #recover(device: Device, then: Then, intent: (passcode: string) => Intent): void {
    const passcode = this.#simulation.world.chance.pick(this.passcodes.slice(-2));
    then(`recovers with ${passcode}`, recover(device.client), intent(passcode), (outcome) => {
      if ('result' in outcome && outcome.result.kind === 'opened') {
        const { registration, opened } = outcome.result;
        this.#authority = { registration, opened };
      }
    });
  }

  #deposit(device: Device, then: Then, authority: Authority | undefined, meant: Intent): void {
    then(meant.tombstone ? 'deletes' : `deposits under ${meant.passcode}`, deposit(device.client, authority), meant, (outcome) => {
      if ('result' in outcome && outcome.result.kind === 'deposited') this.acknowledged.push(...device.finished(outcome.result.generation));
    });
  }

  #newPasscode(): string {
    const passcode = `passcode ${this.passcodes.length + 1}`;
    this.passcodes.push(passcode);
    return passcode;
  }

  /** Objects to everything that was announced and is not the owner's. */
  #object(device: Device): void {
    const authority = this.#authority;
    if (authority === undefined) return;
    this.#simulation.object(device, authority.registration, authority.opened);
  }
}

type Then = <T>(told: string, machine: ClientMachine<T>, meant: Intent, after?: (outcome: Outcome<T>) => void) => void;

function* push(device: Device): ClientMachine<boolean> {
  const confirmed = yield* pushConfirmation(device.client);
  return (yield* pushActivation(device.client)) && confirmed;
}

function spell(outcome: Outcome<unknown>): string {
  if ('failed' in outcome) return typeof outcome.failed === 'string' ? outcome.failed : outcome.failed.message;
  const { result } = outcome;
  if (typeof result !== 'object' || result === null) return String(result);
  const { kind, generation, confirmed, guessesLeft, refusals } = result as Record<string, unknown>;
  const why = (refusals as { refusal: { refused: string } }[] | undefined)?.map((one) => one.refusal.refused).join(' ');
  return JSON.stringify({ kind, generation, confirmed, guessesLeft, why });
}
