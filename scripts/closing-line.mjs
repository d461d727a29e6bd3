// Prints the closing line of scripts/test and exits non-zero unless everything passed and something ran.
// Arguments: the file of vitest's JSON reporter, vitest's exit status, the number of failed checks.
import { readFileSync } from 'node:fs';

const [file, status, checks] = process.argv.slice(2);
const text = readFileSync(file, 'utf8');
const run = text === '' ? { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] } : JSON.parse(text);

const unloaded = run.testResults.filter((one) => one.status === 'failed' && !one.assertionResults.some((test) => test.status === 'failed'));
const failedTests = run.numFailedTests + unloaded.length;
// vitest also fails for what belongs to no test: an unhandled rejection, no test found, a crashed worker.
const unattributed = failedTests === 0 && (status !== '0' || run.numPassedTests === 0) ? 1 : 0;
const failed = failedTests + unattributed + Number(checks);

console.log(`${run.numPassedTests} passed, ${failed} failed, ${run.numPendingTests + run.numTodoTests} skipped`);
process.exit(failed === 0 ? 0 : 1);
