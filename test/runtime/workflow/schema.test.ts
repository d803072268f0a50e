import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { workflowJsonSchema } from '../../../src/runtime/workflow/schema.ts';

const schema = z.fromJSONSchema(workflowJsonSchema() as Parameters<typeof z.fromJSONSchema>[0]);
const accepts = (document: unknown): boolean => schema.safeParse(document).success;
const full = parse(readFileSync(new URL('../../fixtures/every-key.yml', import.meta.url), 'utf8')) as Record<string, unknown>;

it('accepts a workflow that uses every key, alone, wrapped, and among others', () => {
  const { id: _, ...unnamed } = full;
  expect(schema.safeParse(full).error).toBeUndefined();
  expect(accepts({ workflow: full })).toBe(true);
  expect(accepts({ workflows: [full] })).toBe(true);
  expect(accepts({ workflows: { report: unnamed } })).toBe(true);
});

it.each([
  ['no steps', { id: 'w' }],
  ['an unknown key', { ...full, colour: 'red' }],
  ['an unknown step type', { id: 'w', steps: [{ id: 'a', type: 'teleport' }] }],
  ['a map over nothing', { id: 'w', steps: [{ id: 'a', type: 'map', steps: [{ id: 's', tool: 'x' }] }] }],
  ['a loop without a bound', { id: 'w', steps: [{ id: 'a', type: 'loop', steps: [{ id: 's', tool: 'x' }] }] }],
  ['a body with an unknown key', { id: 'w', steps: [{ id: 'a', type: 'map', over: [], steps: [{ id: 's', tol: 'x' }] }] }],
  ['a workflow within a step that has no steps', { id: 'w', steps: [{ id: 'a', type: 'workflow', workflow: { name: 'x' } }] }],
  ['an approval that is off', { id: 'w', steps: [{ id: 'a', type: 'wait', approval: false }] }],
  ['a compensation without a tool', { id: 'w', steps: [{ id: 'a', tool: 'x', compensate: {} }] }],
  ['an unknown key of a step', { id: 'w', steps: [{ id: 'a', tool: 'x', timeoutt: 1 }] }],
])('refuses %s', (_, document) => {
  expect(accepts(document)).toBe(false);
});

it('is a plain JSON document of its own', () => {
  expect(JSON.parse(JSON.stringify(workflowJsonSchema()))).toEqual(workflowJsonSchema());
  expect(workflowJsonSchema()['$schema']).toBe('https://json-schema.org/draft/2020-12/schema');
});
