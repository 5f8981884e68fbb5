import { describe, expect, it, vi } from 'vitest';
import { closingLine, ofReport, readPlaywright, readVitest } from './test-report.ts';

const vitestReport = {
  numPassedTests: 5,
  numFailedTests: 1,
  numPendingTests: 2,
  numTodoTests: 1,
  testResults: [
    { status: 'passed', assertionResults: [{ status: 'passed' }] },
    { status: 'failed', assertionResults: [{ status: 'failed' }] },
    { status: 'failed', assertionResults: [] },
  ],
};

describe('counts of a test run', () => {
  it('come from Vitest, with a file that could not be loaded as a failure', () => {
    expect(readVitest(vitestReport)).toEqual({ passed: 5, failed: 2, skipped: 3 });
  });

  it('come from Playwright, with a flaky test as a failure', () => {
    const report = { stats: { expected: 3, unexpected: 1, flaky: 1, skipped: 2 } };

    expect(readPlaywright(report)).toEqual({ passed: 3, failed: 2, skipped: 2 });
  });

  it('name a failure when the runner failed though no test did', () => {
    const report = JSON.stringify({ stats: { expected: 3, unexpected: 0, flaky: 0, skipped: 0 } });

    expect(ofReport(readPlaywright, report, 1)).toEqual({ passed: 3, failed: 1, skipped: 0 });
  });

  it('name a failure when the runner left no report', () => {
    expect(ofReport(readVitest, undefined, 1)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  it('name a failure when the report is not understood', () => {
    vi.spyOn(console, 'error').mockImplementation(() => {});

    expect(ofReport(readVitest, '{"tests": 3}', 0)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  it('are said in one plain line, which names skipped tests if there are any', () => {
    expect(closingLine({ passed: 12, failed: 0, skipped: 0 })).toBe('12 passed, 0 failed');
    expect(closingLine({ passed: 12, failed: 1, skipped: 3 })).toBe('12 passed, 1 failed, 3 skipped');
  });
});
