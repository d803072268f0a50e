/**
 * Every control of the public surface, when there is nothing to control: for unknown ids, in the wrong state, twice, after the end, after the
 * runtime has stopped, and with anything at all as its argument. It answers `false` (or nothing), or fails with a SwarmchartError of a code
 * that says what is wrong; it never throws anything else, never hangs, and the runtime goes on.
 */

import { describe, expect, it } from 'vitest';
import { createRuntime } from '../../src/index.ts';
import { GARBAGE, outcomeOf, type Stage, stage } from './control-stage.ts';

/** What may come of it, and how it is called. */
type Row = readonly [allowed: string, call: (stage: Stage, given: never) => unknown];
/** By name: how each control is called with something in the place of one argument. */
const CONTROLS: Readonly<Record<string, Row>> = {
  'run.cancel(reason)': ['true | false | INVALID_INPUT', ({ run }, given) => run.cancel(given)],
  'run.setVariable(name)': ['true | INVALID_INPUT | UNSAFE_KEY', ({ run }, given) => run.setVariable(given, 1)],
  'run.setVariable(value)': ['true | INVALID_OUTPUT | UNSAFE_KEY', ({ run }, given) => run.setVariable('name', given)],
  'run.decide(stepId)': ['false', ({ run }, given) => run.decide(given, { decision: 'approve' })],
  'run.decide(decision)': ['INVALID_INPUT', ({ run }, given) => run.decide('ask', given)],
  'run.decide(value)': ['false | INVALID_INPUT', ({ run }, given) => run.decide('nobody', { decision: 'approve', value: given })],
  'run.signal(name)': ['true | INVALID_INPUT', ({ run }, given) => run.signal(given)],
  'run.signal(payload)': ['true | INVALID_INPUT', ({ run }, given) => run.signal('go', given)],
  'run.run(stepId)': ['undefined', ({ run }, given) => run.run(given)],
  'nested.cancel(reason)': ['true | false | INVALID_INPUT', ({ inner }, given) => inner.cancel(given)],
  'nested.setVariable(name)': ['true | INVALID_INPUT | UNSAFE_KEY', ({ inner }, given) => inner.setVariable(given, 1)],
  'nested.decide(stepId)': ['false', ({ inner }, given) => inner.decide(given, { decision: 'approve' })],
  'swarm.cancel(reason)': ['true | false | INVALID_INPUT', ({ swarm }, given) => swarm.cancel(given)],
  'swarm.decide(normId)': ['false', ({ swarm }, given) => swarm.decide(given, { decision: 'approve' })],
  'swarm.decide(decision)': ['INVALID_INPUT', ({ swarm }, given) => swarm.decide('norm', given)],
  'swarm.decideTask(taskId)': ['false', ({ swarm }, given) => swarm.decideTask(given, { decision: 'approve' })],
  'swarm.decideTask(decision)': ['INVALID_INPUT', ({ swarm }, given) => swarm.decideTask('task', given)],
  'swarm.run(taskId)': ['undefined', ({ swarm }, given) => swarm.run(given)],
  ...Object.fromEntries(
    (['tier1', 'tier2', 'tier3'] as const).flatMap((tier): [string, Row][] => [
      [
        `${tier}.execute(request)`,
        ['INVALID_INPUT | failed: INVALID_INPUT | failed: INVALID_VALUE', ({ runtime }, given) => runtime[tier].execute(given)],
      ],
      [
        `${tier}.execute({ input })`,
        [
          'INVALID_INPUT | failed: INVALID_INPUT | failed: INVALID_OUTPUT | failed: INVALID_VALUE | failed: UNKNOWN_KEY | failed: UNSAFE_KEY | failed: WORKFLOW_INVALID',
          ({ runtime }, given) => runtime[tier].execute({ input: given }),
        ],
      ],
      [
        `${tier}.execute({ context })`,
        [
          'INVALID_INPUT | failed: INVALID_INPUT | failed: INVALID_VALUE',
          ({ runtime }, given) => runtime[tier].execute({ input: {} as never, context: given }),
        ],
      ],
      [
        `${tier}.execute({ options })`,
        [
          'INVALID_INPUT | failed: INVALID_INPUT | failed: INVALID_VALUE',
          ({ runtime }, given) => runtime[tier].execute({ input: {} as never, options: given }),
        ],
      ],
      [`${tier}.getExecutionStatus(id)`, ['undefined', ({ runtime }, given) => runtime[tier].getExecutionStatus(given)]],
      [`${tier}.pause(id)`, ['false', ({ runtime }, given) => runtime[tier].pause(given)]],
      [`${tier}.resume(id)`, ['false', ({ runtime }, given) => runtime[tier].resume(given)]],
      [`${tier}.cancelExecution(id)`, ['false', ({ runtime }, given) => runtime[tier].cancelExecution(given)]],
      [
        `${tier}.cancelExecution(reason)`,
        ['false | INVALID_INPUT', ({ runtime }, given) => runtime[tier].cancelExecution('nobody', given)],
      ],
    ]),
  ),
  'runtime.run(workflow)': [
    'failed: INVALID_VALUE | failed: LIMIT_EXCEEDED | failed: WORKFLOW_INVALID | failed: WORKFLOW_NOT_FOUND',
    ({ runtime }, given) => runtime.run(given).result(),
  ],
  'runtime.run(options)': ['INVALID_INPUT | failed: WORKFLOW_NOT_FOUND', ({ runtime }, given) => runtime.run('nothing', given).result()],
  'runtime.run({ input })': [
    'a value | failed: INVALID_INPUT | failed: INVALID_OUTPUT | failed: UNSAFE_KEY',
    ({ runtime }, given) => runtime.run({ id: 'w', steps: [{ id: 'a', tool: 'quick' }] }, { input: given }).result(),
  ],
  'runtime.swarm(source)': [
    'failed: DECOMPOSITION_FAILED | failed: INVALID_INPUT | failed: INVALID_OUTPUT | failed: INVALID_VALUE | failed: UNSAFE_KEY | failed: WORKFLOW_INVALID',
    ({ runtime }, given) => runtime.swarm(given).result(),
  ],
  'runtime.swarm(options)': [
    'INVALID_INPUT | failed: DECOMPOSITION_FAILED',
    ({ runtime }, given) => runtime.swarm('a goal', given).result(),
  ],
  'runtime.swarm({ goal })': [
    'failed: INVALID_VALUE',
    ({ runtime }, given) => runtime.swarm({ id: 's', goal: 'g', tasks: [] }, { goal: given }).result(),
  ],
  'runtime.createWorkflow(definition)': [
    'INVALID_VALUE | LIMIT_EXCEEDED | SYNTAX_ERROR | WORKFLOW_INVALID | WORKFLOW_NOT_FOUND',
    ({ runtime }, given) => runtime.createWorkflow(given),
  ],
  'runtime.restore(facts)': ['INVALID_INPUT', ({ runtime }, given) => runtime.restore(given)],
  'runtime.restore([fact])': ['INVALID_INPUT', ({ runtime }, given) => runtime.restore([given])],
  'runtime.restoreSwarm(facts)': ['INVALID_INPUT', ({ runtime }, given) => runtime.restoreSwarm(given)],
  'executions.get(id)': ['undefined', ({ runtime }, given) => runtime.executions.get(given)],
  'executions.result(id)': ['EXECUTION_NOT_FOUND', ({ runtime }, given) => runtime.executions.result(given)],
  'executions.giveUp(id)': ['false', ({ runtime }, given) => runtime.executions.giveUp(given)],
  'executions.resume(id)': ['EXECUTION_NOT_FOUND', ({ runtime }, given) => runtime.executions.resume(given)],
  'agents.register(definition)': ['a value | INVALID_VALUE | WORKFLOW_INVALID', ({ runtime }, given) => runtime.agents.register(given)],
  'agents.register(definitions)': ['INVALID_VALUE | WORKFLOW_INVALID', ({ runtime }, given) => runtime.agents.register([given])],
  'agents.unregister(id)': ['false', ({ runtime }, given) => runtime.agents.unregister(given)],
  'agents.unregister(options)': ['false | INVALID_VALUE', ({ runtime }, given) => runtime.agents.unregister('nobody', given)],
  'agents.get(id)': ['undefined', ({ runtime }, given) => runtime.agents.get(given)],
  'agents.discover(criteria)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.agents.discover(given)],
  'agents.lease(options)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.agents.lease(given)],
  'agents.crash(id)': ['false', ({ runtime }, given) => runtime.agents.crash(given)],
  'agents.crash(thrown)': ['true | false', ({ runtime }, given) => runtime.agents.crash('ann', given)],
  'approvals.get(id)': ['undefined', ({ runtime }, given) => runtime.approvals.get(given)],
  'approvals.decide(id)': ['false', ({ runtime }, given) => runtime.approvals.decide(given, { decision: 'approve' })],
  'approvals.decide(decision)': ['INVALID_INPUT', ({ runtime }, given) => runtime.approvals.decide('run/ask', given)],
  'approvals.decide(decision) of nobody': ['false', ({ runtime }, given) => runtime.approvals.decide('nobody', given)],
  'approvals.decide({ by })': [
    'true | false | INVALID_INPUT',
    ({ runtime }, given) => runtime.approvals.decide('run/ask', { decision: 'approve', by: given }),
  ],
  'approvals.decide({ role })': [
    'true | false | INVALID_INPUT',
    ({ runtime }, given) => runtime.approvals.decide('run/ask', { decision: 'approve', role: given }),
  ],
  'breakers.get(scope)': ['INVALID_VALUE', ({ runtime }, given) => runtime.breakers.get(given, 'quick')],
  'breakers.get(key)': ['undefined | INVALID_VALUE', ({ runtime }, given) => runtime.breakers.get('tool', given)],
  ...Object.fromEntries(
    (['forceOpen', 'forceClose', 'reset'] as const).flatMap((name): [string, Row][] => [
      [`breakers.${name}(scope)`, ['INVALID_VALUE', ({ runtime }, given) => runtime.breakers[name](given, 'quick')]],
      [`breakers.${name}(key)`, ['false | INVALID_VALUE', ({ runtime }, given) => runtime.breakers[name]('tool', given)]],
      [`breakers.${name}(audit)`, ['true | false | INVALID_VALUE', ({ runtime }, given) => runtime.breakers[name]('tool', 'quick', given)]],
      [
        `breakers.${name}({ by })`,
        ['true | false | INVALID_VALUE', ({ runtime }, given) => runtime.breakers[name]('tool', 'quick', { by: given })],
      ],
      [
        `breakers.${name}('system', audit)`,
        [
          'true | false | INVALID_VALUE',
          ({ runtime }, given) => {
            const answer = runtime.breakers[name]('system', given);
            runtime.breakers.forceClose('system');
            return answer;
          },
        ],
      ],
    ]),
  ),
  'breakers.guard(call)': ['INVALID_VALUE', ({ runtime }, given) => runtime.breakers.guard(given, () => 'done')],
  'breakers.guard({ key })': [
    'a value | INVALID_VALUE',
    ({ runtime }, given) => runtime.breakers.guard({ scope: 'layer', key: given }, () => ({})),
  ],
  'breakers.guard({ signal })': [
    'INVALID_VALUE',
    ({ runtime }, given) => runtime.breakers.guard({ scope: 'layer', key: 'L1', signal: given }, () => ({})),
  ],
  'breakers.guard(work)': [
    'INVALID_VALUE',
    ({ runtime }, given) => runtime.breakers.guard({ scope: 'layer', key: 'L1' }, typeof given === 'function' ? ([] as never) : given),
  ],
  'errors.list(filter)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.errors.list(given)],
  ...Object.fromEntries(
    (['class', 'code', 'since'] as const).map((name): [string, Row] => [
      `errors.list({ ${name} })`,
      [name === 'since' ? 'a value | INVALID_VALUE' : 'INVALID_VALUE', ({ runtime }, given) => runtime.errors.list({ [name]: given })],
    ]),
  ),
  'templates.createTemplate(template)': [
    'INVALID_VALUE | WORKFLOW_INVALID',
    ({ runtime }, given) => runtime.templates.createTemplate(given),
  ],
  'templates.instantiateFromTemplate(id)': ['TEMPLATE_NOT_FOUND', ({ runtime }, given) => runtime.templates.instantiateFromTemplate(given)],
  'templates.instantiateFromTemplate(parameters)': [
    'a value | INVALID_INPUT',
    ({ runtime }, given) => runtime.templates.instantiateFromTemplate('known', given),
  ],
  'tasks.sequence(tasks)': ['a value | INVALID_INPUT', ({ runtime }, given) => runtime.tasks.sequence(given).outcome()],
  'tasks.sequence([task])': ['a value | INVALID_INPUT', ({ runtime }, given) => runtime.tasks.sequence([given]).outcome()],
  'tasks.sequence(options)': [
    'a value | INVALID_INPUT',
    ({ runtime }, given) => runtime.tasks.sequence([{ tool: 'quick' }], given).outcome(),
  ],
  'tasks.parallel(tasks)': ['a value | INVALID_INPUT', ({ runtime }, given) => runtime.tasks.parallel(given).outcome()],
  'tasks.parallel(options)': [
    'a value | INVALID_INPUT',
    ({ runtime }, given) => runtime.tasks.parallel([{ tool: 'quick' }], given).outcome(),
  ],
  'tasks.pipeline(stages)': ['a value | INVALID_INPUT', ({ runtime }, given) => runtime.tasks.pipeline(given).outcome()],
  'tasks.pipeline(data)': [
    'INVALID_INPUT | failed: INVALID_OUTPUT | failed: UNSAFE_KEY',
    ({ runtime }, given) => runtime.tasks.pipeline([{ name: 'a', tool: 'quick' }], given).outcome(),
  ],
  'tasks.pipeline(options)': [
    'INVALID_INPUT | failed: INVALID_OUTPUT',
    ({ runtime }, given) => runtime.tasks.pipeline([{ name: 'a', tool: 'quick' }], {}, given).outcome(),
  ],
  'tasks.executeTask(task)': ['INVALID_INPUT | failed: INVALID_VALUE', ({ runtime }, given) => runtime.tasks.executeTask(given).outcome()],
  'tasks.executeTask(options)': [
    'a value | INVALID_INPUT',
    ({ runtime }, given) => runtime.tasks.executeTask({ tool: 'quick' }, given).outcome(),
  ],
  'tasks.executeBatch(tasks)': ['a value | INVALID_INPUT', ({ runtime }, given) => runtime.tasks.executeBatch(given).outcome()],
  'tasks.executeBatch(options)': [
    'a value | INVALID_INPUT',
    ({ runtime }, given) => runtime.tasks.executeBatch([{ tool: 'quick' }], given).outcome(),
  ],
  'blackboard(id).get(key)': ['undefined', ({ runtime }, given) => runtime.blackboard('board').get(given)],
  'blackboard(id)': ['undefined', ({ runtime }, given) => runtime.blackboard(given).get('key')],
  'blackboard(id).set': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.blackboard(given).set('key', 1)],
  'blackboard.set(key)': ['a value | INVALID_VALUE | UNSAFE_KEY', ({ runtime }, given) => runtime.blackboard('board').set(given, 1)],
  'blackboard.set(value)': ['a value | INVALID_VALUE | UNSAFE_KEY', ({ runtime }, given) => runtime.blackboard('board').set('key', given)],
  'blackboard.set(condition)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.blackboard('board').set('key', 1, given)],
  'blackboard.append(key)': ['a value | INVALID_VALUE | UNSAFE_KEY', ({ runtime }, given) => runtime.blackboard('board').append(given, 1)],
  'blackboard.append(item)': [
    'a value | INVALID_VALUE | UNSAFE_KEY',
    ({ runtime }, given) => runtime.blackboard('board').append('list', given),
  ],
  'blackboard.increment(amount)': [
    'a value | BLACKBOARD_TYPE_MISMATCH | INVALID_VALUE',
    ({ runtime }, given) => runtime.blackboard('board').increment('count', given),
  ],
  'blackboard.merge(members)': [
    'a value | BLACKBOARD_TYPE_MISMATCH | INVALID_VALUE | UNSAFE_KEY',
    ({ runtime }, given) => runtime.blackboard('board').merge('object', given),
  ],
  'blackboard.deepMerge(members)': [
    'a value | BLACKBOARD_TYPE_MISMATCH | INVALID_VALUE | UNSAFE_KEY',
    ({ runtime }, given) => runtime.blackboard('board').deepMerge('object', given),
  ],
  'blackboard.delete(key)': ['a value | INVALID_VALUE | UNSAFE_KEY', ({ runtime }, given) => runtime.blackboard('board').delete(given)],
  'blackboard.delete(condition)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.blackboard('board').delete('key', given)],
  'tools.register(tool)': ['INVALID_VALUE', ({ runtime }, given) => runtime.tools.register(given)],
  'tools.get(name)': ['undefined', ({ runtime }, given) => runtime.tools.get(given)],
  'events.subscribe(pattern)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.events.subscribe(given, () => {})],
  'events.subscribe(handler)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.events.subscribe('tier2/**', given)],
  'events.subscribe(options)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.events.subscribe('**', () => {}, given)],
  'tier2.on(pattern)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.tier2.on(given, () => {})],
  'events.emit(event)': ['INVALID_INPUT', ({ runtime }, given) => runtime.events.emit(given)],
  'events.emit({ type })': ['INVALID_INPUT', ({ runtime }, given) => runtime.events.emit({ type: given })],
  'events.emit({ payload })': ['a value | INVALID_INPUT', ({ runtime }, given) => runtime.events.emit({ type: 'a/b', payload: given })],
  'events.emit({ id })': ['a value | INVALID_INPUT', ({ runtime }, given) => runtime.events.emit({ type: 'a/b', id: given })],
  'events.emitExecutionEvent(context)': [
    'INVALID_INPUT',
    ({ runtime }, given) => runtime.events.emitExecutionEvent(given, { type: 'a/b' }),
  ],
  'events.emitExecutionEvent(event)': ['INVALID_INPUT', ({ runtime, run }, given) => runtime.events.emitExecutionEvent(run.context, given)],
  'events.intake(stage)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.events.intake(given)],
  'events.history(options)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.events.history(given)],
  'events.replay(pattern)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.events.replay(given, {}, () => {})],
  'events.replay(options)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.events.replay('a/*', given, () => {})],
  'events.stream(pattern)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.events.stream(given)],
  'events.stream(options)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.events.stream('a/*', given)],
  'events.route(definition)': ['INVALID_VALUE', ({ runtime }, given) => runtime.events.route(given)],
  'events.route({ retry })': [
    'undefined | INVALID_VALUE | DUPLICATE_ID',
    ({ runtime }, given) => runtime.events.route({ id: 'r', pattern: 'a/*', deliver: () => {}, retry: given }),
  ],
  'events.unroute(id)': ['false', ({ runtime }, given) => runtime.events.unroute(given)],
  'events.deadLetters(routeId)': ['a value | INVALID_VALUE', ({ runtime }, given) => runtime.events.deadLetters(given)],
  'events.redrive(routeId)': ['INVALID_VALUE', ({ runtime }, given) => runtime.events.redrive(given)],
  'events.discard(routeId)': ['INVALID_VALUE', ({ runtime }, given) => runtime.events.discard(given, 'x')],
  'triggers.register(definition)': ['INVALID_VALUE', ({ runtime }, given) => runtime.triggers.register(given)],
  'triggers.register({ workflow })': [
    'undefined | INVALID_VALUE | DUPLICATE_ID',
    ({ runtime }, given) => runtime.triggers.register({ id: 't', pattern: 'a/*', workflow: given }),
  ],
  'triggers.unregister(id)': ['false', ({ runtime }, given) => runtime.triggers.unregister(given)],
  'runtime.stop(options)': ['undefined | INVALID_VALUE', async (_, given) => (await createRuntime()).stop(given)],
  'runtime.stop({ graceMs })': ['undefined | INVALID_VALUE', async (_, given) => (await createRuntime()).stop({ graceMs: given })],
  'supervisor.startChild(child)': ['failed: INVALID_SPEC', ({ supervisor }, given) => supervisor.startChild(given)],
  'supervisor.terminateChild(id)': ['failed: NOT_FOUND', ({ supervisor }, given) => supervisor.terminateChild(given)],
  'supervisor.restartChild(id)': ['failed: NOT_FOUND', ({ supervisor }, given) => supervisor.restartChild(given)],
  'supervisor.deleteChild(id)': ['failed: NOT_FOUND', ({ supervisor }, given) => supervisor.deleteChild(given)],
  'supervisor.child(id)': ['undefined', ({ supervisor }, given) => supervisor.child(given)],
  'supervisor.supervisor(id)': ['undefined', ({ supervisor }, given) => supervisor.supervisor(given)],
};

describe('anything at all as an argument', () => {
  it.each(Object.entries(CONTROLS))('of %s: an answer or a SwarmchartError', async (name, [allowed, call]) => {
    await using world = await stage();
    const wrong: string[] = [];
    for (const [what, make] of GARBAGE) {
      const outcome = await outcomeOf(world, () => call(world, make() as never));
      if (!allowed.split(' | ').includes(outcome)) wrong.push(`${what}: ${outcome}`);
    }
    expect(wrong.join('\n'), name).toBe('');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

it.each([[null], [7], ['text'], [[]]])('a runtime with %j as its options is refused', async (given) => {
  await expect(createRuntime(given as never)).rejects.toMatchObject({ code: 'INVALID_VALUE', name: 'SwarmchartError' });
});
