/** For those who test with Swarmchart: paths through charts and their coverage, a virtual clock, tools and models that say what they are told, a world of choices, the simulation of a run, and its invariants. */

export { type ChartReport, type ChartTestOptions, testChart } from './chart-test.ts';
export { type Coverage, CoverageRecorder, coverage, type Taken } from './coverage.ts';
export { type ExpectedFact, type FactMatchers, factMatchers } from './fact-matchers.ts';
export { violations } from './invariants.ts';
export type { LanguageModel, ModelMessage, ModelSettings } from './language-model.ts';
export { mermaid } from './mermaid.ts';
export type { ModelAnswer, ModelCall, ModelFailure, ModelReply } from './model-answers.ts';
export { type ChartPath, generatePaths, type PathOptions, timersOf } from './paths.ts';
export { type Pick, recorded, scripted, seeded } from './random.ts';
export type { ChartProblem } from './rehearsal.ts';
export { type ScriptedModel, type ScriptedModelOptions, scriptedModel } from './scripted-model.ts';
export { type Finding, investigate, type ShrinkOptions, search, shrink, type Tale, type Told } from './shrinking.ts';
export { answerAll, signalAll, wakeAll } from './simulated-runs.ts';
export { type Control, type Ended, type SimulationReport, type Story, simulate } from './simulation.ts';
export type { ChildOutcomes } from './stand-ins.ts';
export { type Answer, type RecordedCall, recordedTool, startTestRuntime, type TestRuntime } from './test-runtime.ts';
export { ALWAYS, type ChartTransition, describeTransition, nameOf, statesOf, transitionsFrom, transitionsOf } from './transitions.ts';
export { settlePromises, VirtualClock } from './virtual-clock.ts';
export { type ToolCall, type ToolOutcome, World } from './world.ts';
