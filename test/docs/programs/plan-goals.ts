import { createRuntime, type Planner } from 'swarmchart';

const planner: Planner = ({ goal, knowledge, attempt, issues, agents }) => {
  console.log(
    attempt,
    issues.map(({ code }) => code),
    knowledge.length,
    agents.map(({ id }) => id),
  );
  if (!goal.startsWith('Translate')) return undefined; // on to the playbooks
  const wanted = attempt === 1 ? 'echoo' : 'echo';
  return { subTasks: [{ id: 'fr', requiredCapabilities: ['french'], tool: wanted, parameters: { message: 'bonjour' } }] };
};

await using runtime = await createRuntime({ planner, agents: [{ id: 'amelie', capabilities: ['french'] }] });
const first = await runtime.swarm('Translate good morning').result();
console.log(first.status, first.result);
console.log((await runtime.swarm('translate  Good Morning.').result()).status);
