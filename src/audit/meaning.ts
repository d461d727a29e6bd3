/**
 * What each thing that is looked at means, and what it does not prove, in plain sentences: for the page and for `--explain`. Every
 * name that a finding can have is here; test/audit/meaning.test.ts compares.
 */
import type { CheckName } from '../trust/check.ts';

export interface Meaning {
  readonly means: string;
  readonly provesNot: string;
}

const CHECKS: Readonly<Record<CheckName, Meaning>> = {
  'bundle-form': {
    means: 'What was handed out can be read in one way only.',
    provesNot: 'Anything about who made it.',
  },
  roots: {
    means:
      'The list of who may sign what is the one that you trust, or follows from it by signatures of both the operator and the witness.',
    provesNot: 'That you got the first list from somebody honest: you brought it.',
  },
  'entry-form': {
    means: 'The fleet entry can be read in one way only, and its ids are computed from the keys in it.',
    provesNot: 'Anything about who made it.',
  },
  namespace: {
    means: 'It is for the deployment that you asked about, not for another one of the same makers.',
    provesNot: 'That this deployment is the one you want.',
  },
  release: {
    means: 'As many people of the operator as must, signed this very entry.',
    provesNot: 'That the operator is honest: the checks below do not depend on it.',
  },
  nodes: {
    means: 'Each node signed, with the key in its security module, that the entry is true of it: nobody put a key of his own in its place.',
    provesNot: 'That the security module is a good one, or that its node runs honest code.',
  },
  inclusion: {
    means: 'The entry stands in a public log that can only grow, so what you see is what everybody can see.',
    provesNot: 'That everybody is shown the same log: for that, compare with others.',
  },
  witness: {
    means: 'Another organisation checked the entry by its published rules before it let it into the log.',
    provesNot: 'That it looked with care, or that it is independent of the operator.',
  },
  operator: {
    means: 'The operator looked at the log and found nothing in it that is not its own: stolen keys would have shown.',
    provesNot: 'That the operator is honest.',
  },
  'third-parties': {
    means: 'Somebody who is neither operator nor witness saw this log and saw that it only grew.',
    provesNot: 'That they are independent of the two. They do not check what the entries say.',
  },
  sequence: {
    means: 'You are not shown an older entry than you saw before.',
    provesNot: 'Anything, the first time you look: then there is nothing to compare with.',
  },
  'log-forward': {
    means: 'The log did not shrink or change since you saw it last.',
    provesNot: 'Anything, the first time you look.',
  },
  validity: {
    means: 'The entry is for now.',
    provesNot: 'That there is no newer one: see freshness.',
  },
  freshness: {
    means: 'All who vouch did so within the last two weeks, and knew of no newer entry.',
    provesNot: 'That nothing changed in these two weeks.',
  },
  fleet: {
    means: 'There is a fleet that takes new backup keys.',
    provesNot: 'That its nodes answer: ask them (--live).',
  },
  spread: {
    means: 'By the names in the entry, no single operator and no single region has enough nodes to open anything.',
    provesNot: 'That different names are different organisations and places.',
  },
  simulated: {
    means: 'The entry says whether keys are in real security modules or in software that only looks like one.',
    provesNot: 'That a module is genuine: see its attestation, if the entry names one.',
  },
};

const OTHERS = {
  bundle: { means: 'Whether there is anything to look at.', provesNot: 'Anything else.' },
  views: {
    means: 'The places that you named show one and the same past.',
    provesNot: 'That others are shown the same: ask from another network, and compare with people you know.',
  },
  live: {
    means: 'The node has the key that the entry names, in its token, at this moment, and serves this entry.',
    provesNot: 'That it runs the code it names: that is its own word.',
  },
  evidence: {
    means: 'The file is the very one that was named when the entry was signed.',
    provesNot: 'That what the file says is true.',
  },
  files: {
    means: 'Nothing of this publication was changed since its list was made.',
    provesNot: 'That the list is the first one: compare its digest with what the feed said.',
  },
  list: {
    means: "The operator's countersigning key signed the list of files, and so all that is published here, its pages too.",
    provesNot: 'That what the pages say is so: that is what the other checks are for. Of an unsigned list: who made it.',
  },
  file: {
    means: 'This file is not what was published.',
    provesNot: 'Who changed it.',
  },
  publications: {
    means: 'What was published earlier still stands as it was, by the lists that name one another.',
    provesNot: 'That the whole row was not made anew: compare digests that you kept.',
  },
  publication: {
    means: 'An earlier publication is not what the index or the one after it says.',
    provesNot: 'Who changed it.',
  },
  transcript: {
    means: 'The record of the ceremony is whole, and the keys of the fleet are those that were read out of its tokens there.',
    provesNot: 'That the people who signed are who they say: compare their keys. In a fleet for development nobody signed.',
  },
  reading: { means: 'Whether the log could be read, and is one.', provesNot: 'Anything else.' },
  checkpoint: {
    means: 'The log itself says that this is its size and content.',
    provesNot: 'That it says the same to others.',
  },
  entry: {
    means: 'This entry of the log is signed by all who must, and follows from the one before by the rules.',
    provesNot: 'That the evidence it names was looked at: look yourself.',
  },
  tree: {
    means: 'All entries together are exactly what the log signed: none is missing, changed or out of order.',
    provesNot: 'That there is no second log for other people.',
  },
  tiles: {
    means: 'Proofs that are made from what the log publishes are right.',
    provesNot: 'Anything beyond what "tree" does.',
  },
  seen: {
    means: 'The log still holds what it showed you before.',
    provesNot: 'What it shows to others.',
  },
  mirror: {
    means: 'A copy kept elsewhere shows the same past.',
    provesNot: 'That whoever keeps the copy is independent of the log.',
  },
} as const satisfies Record<string, Meaning>;

const MEANINGS: Readonly<Record<string, Meaning>> = { ...CHECKS, ...OTHERS };

/** @param name of a finding: `witness`, `live node-1` */
export function meaningOf(name: string): Meaning | undefined {
  return MEANINGS[name.split(' ')[0] ?? ''];
}
