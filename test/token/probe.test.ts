/** A device that lacks something, and a device that refuses something, are refused at start by name. */
import { afterAll, describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import { DeviceError, Module, P11 } from '../../src/token/pkcs11.ts';
import { chooseProfile, probeToken } from '../../src/token/probe.ts';
import { profiles } from '../../src/token/profiles.ts';
import { makeSoftHsm } from './softhsm.ts';

// SoftHSM 2.6.1 passes over the first name of such a list.
const hsm = makeSoftHsm(['node'], ['slots.mechanisms = -CKM_DES_ECB,CKM_AES_KEY_WRAP_PAD,CKM_SHA256_HMAC,CKM_ECDSA']);
const config = hsm.config('node');
afterAll(() => hsm.remove());

function refusalOf(
  has: readonly number[],
  refuses?: { readonly call: string; readonly returned: number; readonly from: number },
): HoldfastError {
  let calls = 0;
  const module = new Module(config.module, undefined, (call) => {
    if (call !== refuses?.call) return;
    calls += 1;
    if (calls >= refuses.from) throw new DeviceError(call, { code: refuses.returned, message: 'refused' });
  });
  const { slot, info } = module.findToken('node');
  const mechanisms = module.mechanisms(slot);
  module.mechanisms = () => new Set([...mechanisms, ...has]);
  const session = module.openSession({ slot, info }, config.pin);
  try {
    probeToken(module, slot, session, info);
  } catch (error) {
    if (error instanceof HoldfastError) return error;
    throw error;
  } finally {
    session.close();
  }
  throw new Error('the probe found nothing missing');
}

describe('the probe', () => {
  it('names the mechanisms that a device lacks', () => {
    const refused = refusalOf([]);
    expect(refused.code).toBe('token-unsuitable');
    expect(refused.message).toBe('the token lacks CKM_ECDSA, CKM_SHA256_HMAC, AES-KWP (0x210a or 0x210b)');
  });

  const all = [P11.CKM_ECDSA, P11.CKM_SHA256_HMAC, P11.CKM_AES_KEY_WRAP_PAD];

  it('names data objects when there are none', () => {
    expect(refusalOf(all, { call: 'C_CreateObject', returned: P11.CKR_TEMPLATE_INCONSISTENT, from: 1 })).toMatchObject({
      code: 'token-unsuitable',
      message: 'the token has no private data objects',
    });
  });

  it('names the step of the share chain that a device refuses, such as a readable value in a FIPS mode', () => {
    const steps = [
      { call: 'C_DeriveKey', from: 1 },
      { call: 'C_DeriveKey', from: 2 },
      { call: 'C_UnwrapKey', from: 1 },
      { call: 'C_DeriveKey', from: 3 },
    ];
    for (const step of steps) {
      expect(refusalOf(all, { ...step, returned: P11.CKR_TEMPLATE_INCONSISTENT })).toMatchObject({
        code: 'token-unsuitable',
        evidence: { call: step.call, returned: '0xd1' },
      });
    }
  });
});

describe('a device profile', () => {
  const info = (manufacturerID: string) => ({ manufacturerID, model: '' });

  it('is recognised by what the device says of itself; an unknown device is of the weaker class', () => {
    expect(chooseProfile(info('SoftHSM project')).name).toBe('softhsm2');
    expect(chooseProfile(info('SafeNet')).name).toBe('thales-luna');
    expect(chooseProfile(info('nCipher Corp. Ltd')).name).toBe('entrust-nshield');
    expect(chooseProfile(info('Unheard of'))).toMatchObject({ name: 'generic', class: 'host', tried: false });
  });

  it('cannot pass a simulation off as a device', () => {
    for (const { name, simulated } of profiles) {
      if (simulated) expect(chooseProfile(info('SoftHSM project'), name).simulated).toBe(true);
      else expect(() => chooseProfile(info('SoftHSM project'), name)).toThrow(/must not take the profile of a device/);
    }
  });
});
