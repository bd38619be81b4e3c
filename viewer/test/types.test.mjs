// The types that the comments state.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

test('the types hold', () => {
  const folder = fileURLToPath(new URL('..', import.meta.url));
  const { status, stdout, stderr } = spawnSync(`${folder}node_modules/.bin/tsc`, ['--project', `${folder}jsconfig.json`], { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
});
