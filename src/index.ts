export * from './actors/tool.ts';
export * from './machines/protocol/errors.ts';
export * from './tools/process.ts';
