import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { createMachine } from 'xstate';
import { mermaid } from '../../src/testing/mermaid.ts';
import { pictures } from '../../visualizations/pictures.ts';

const folder = new URL('../../visualizations/', import.meta.url);

describe('the pictures of the charts', () => {
  it.each(pictures())('$file shows the chart as it is', async ({ file, text }) => {
    const drawn = await readFile(new URL(file, folder), 'utf8').catch(() => '');
    expect(drawn, `visualizations/${file} is stale: run "npm run visualize"`).toBe(text);
  });
});

describe('a chart in Mermaid', () => {
  it('shows nesting, guards, actions, timers and ends', () => {
    const kettle = createMachine({
      id: 'kettle',
      initial: 'on',
      on: { 'kettle.knock': { actions: 'ring' } },
      states: {
        on: {
          initial: 'cold',
          states: {
            cold: { always: { guard: 'isHot', target: 'boiling' }, on: { 'kettle.look': { actions: 'wait' } } },
            boiling: { after: { soon: { target: '#kettle.off', actions: ['whistle', 'click'] } } },
          },
        },
        off: { type: 'final' },
      },
    });
    expect(mermaid(kettle)).toBe(
      [
        'stateDiagram-v2',
        '  [*] --> kettle_on',
        '  state "on" as kettle_on {',
        '    [*] --> kettle_on_cold',
        '    state "cold" as kettle_on_cold',
        '    kettle_on_cold : kettle.look / wait',
        '    state "boiling" as kettle_on_boiling',
        '  }',
        '  state "off" as kettle_off',
        '  kettle_off --> [*]',
        '  kettle_on_cold --> kettle_on_boiling : [isHot]',
        '  kettle_on_boiling --> kettle_off : after soon / whistle, click',
        '  note right of kettle_on_cold',
        '    anywhere',
        '    kettle.knock / ring',
        '  end note',
        '',
      ].join('\n'),
    );
  });
});
