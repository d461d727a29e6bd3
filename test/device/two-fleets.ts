/** An old fleet that is being retired and a new one, of one namespace and one account service, as people's devices see them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeviceHome, readPublishedProfile } from '../../src/device/home.ts';
import { TestFleet } from '../e2e/fleet.ts';

type Json = Record<string, unknown>;

export class TwoFleets {
  readonly old: TestFleet;
  readonly new: TestFleet;
  /** Profiles: of the old fleet alone, of both while the old one is being retired, and after it was. */
  readonly profiles: { readonly before: string; readonly both: string; readonly after: string };

  private constructor(old: TestFleet, newer: TestFleet) {
    this.old = old;
    this.new = newer;
    const authorities = [old, newer].map(({ profile }) => readFileSync(profile.caFile, 'utf8'));
    writeFileSync(this.path('both.pem'), authorities.join('\n'));
    this.profiles = {
      before: this.path('profile.json'),
      both: this.#publish('both', 'retiring'),
      after: this.#publish('after', 'retired'),
    };
  }

  static async up(): Promise<TwoFleets> {
    const old = await TestFleet.up(3);
    try {
      const passes = { ...(old.config('node-1')['passes'] as Json) };
      if (typeof passes['jwksFile'] === 'string') passes['jwksFile'] = join(old.folder, 'node-1', passes['jwksFile']);
      const newer = await TestFleet.up(3, (name, config) => (name === 'accounts' ? config : { ...config, passes }));
      return new TwoFleets(old, newer);
    } catch (error) {
      await old.down();
      throw error;
    }
  }

  async down(): Promise<void> {
    await Promise.all([this.old.down(), this.new.down()]);
  }

  path(...parts: readonly string[]): string {
    return join(this.old.folder, ...parts);
  }

  /** A device of this person, set up with one of the profiles. */
  async home(user: string, name: string, profile: string): Promise<DeviceHome> {
    const home = new DeviceHome(this.path('homes', `${user}-${name}`));
    await home.setUp(await readPublishedProfile(profile), user);
    return home;
  }

  /** What the operator publishes next: registrations go to the new fleet, and the old one is in this state. */
  #publish(name: string, state: 'retiring' | 'retired'): string {
    const [old, newer] = [this.old, this.new].map(({ entry }) => JSON.parse(entry.line) as Json & { fleets: Json[] });
    const fleets = [
      { ...newer!.fleets[0], state: 'active' },
      { ...old!.fleets[0], state },
    ];
    const entry = { ...old!, sequence: 2, previous: this.old.entry.digest, fleets };
    mkdirSync(this.path(name));
    writeFileSync(this.path(name, 'entry.json'), JSON.stringify(entry));
    const profile = JSON.parse(readFileSync(this.path('profile.json'), 'utf8')) as Json;
    const changed = { ...profile, entryFile: this.path(name, 'entry.json'), caFile: this.path('both.pem') };
    writeFileSync(this.path(name, 'profile.json'), JSON.stringify(changed));
    return this.path(name, 'profile.json');
  }
}
