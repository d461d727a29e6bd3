/**
 * What a ceremony with people acts upon: a folder for what becomes public, tokens wherever they are, and PINs that only the
 * custodians together can give.
 */
import { existsSync, readdirSync } from 'node:fs';
import { fail } from '../base/errors.ts';
import type { Custody } from './custody.ts';
import { Folder, type OnAct } from './folder.ts';
import { type Place, resolvePlace } from './places.ts';
import type { Facts } from './plan.ts';
import type { TokenSite } from './plans/token-keys.ts';
import { RemoteCreation } from './remote-creation.ts';

export class CeremonySite extends Folder implements TokenSite {
  readonly #tokens = new Map<string, RemoteCreation>();
  #custody: Custody | undefined;

  /** @param folder absolute @param places of the tokens, by their labels */
  constructor(folder: string, places: Readonly<Record<string, Place>>, onAct?: OnAct) {
    super(folder, onAct);
    for (const [token, at] of Object.entries(places)) {
      const { place, environment } = resolvePlace(folder, token, at);
      const pin = async () => ({ pin: (await this.custody.pin(token, 'user')).reveal() });
      this.#tokens.set(token, new RemoteCreation(place, { environment, pin, onCall: onAct }));
    }
  }

  entrustTo(custody: Custody): void {
    this.#custody = custody;
  }

  get custody(): Custody {
    return this.#custody ?? fail('alarm', 'the ceremony has no custody');
  }

  /** @throws `alarm` for a token that the parameters do not name */
  token(token: string): RemoteCreation {
    return this.#tokens.get(token) ?? fail('alarm', 'the ceremony has no such token', { token });
  }

  async initialise(token: string): Promise<void> {
    const soPin = { pin: (await this.custody.pin(token, 'security officer')).reveal() };
    const pin = { pin: (await this.custody.pin(token, 'user')).reveal() };
    await this.token(token).initialise(soPin, pin);
  }

  /** Opens every token anew, by what the custodians bring. */
  async openByCards(): Promise<Facts> {
    const brought = await this.custody.gather();
    const opened: string[] = [];
    for (const [token, remote] of this.#tokens) {
      remote.close();
      await remote.describe();
      opened.push(token);
    }
    return { brought, opened };
  }

  /** Cards that lie here in the clear. */
  cardsLeft(): string[] {
    const folder = this.path('custody');
    return existsSync(folder) ? readdirSync(folder).filter((name) => !name.endsWith('.age')) : [];
  }

  close(): void {
    for (const token of this.#tokens.values()) token.close();
  }
}
