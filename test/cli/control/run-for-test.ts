/** An inbox with questions that tests put there, and a run that can be asked for them, without any runtime. */

import type { Answer, Controls, Inbox, Question } from '../../../src/cli/control/inbox.ts';
import { createId, People } from '../../../src/cli/control/people.ts';
import { SwarmchartError } from '../../../src/machines/protocol/errors.ts';
import type { Fact } from '../../../src/machines/protocol/facts.ts';

export class FakeInbox implements Inbox {
  readonly questions = new Map<string, Question>();
  readonly answers: { readonly id: string; readonly answer: Answer }[] = [];
  /** What is done with an answer before it is taken. */
  gate: () => Promise<void> = () => Promise.resolve();

  ask(more: Partial<Question> & Pick<Question, 'executionId' | 'subject'>): Question {
    const question: Question = {
      id: `${more.executionId}/${more.subject}`,
      kind: 'approval',
      prompt: 'Ship it?',
      quorum: 1,
      votes: [],
      since: Date.now(),
      options: ['approve', 'reject', 'abort'],
      ...more,
    };
    this.questions.set(question.id, question);
    return question;
  }

  list(): readonly Question[] {
    return [...this.questions.values()];
  }

  async decide(id: string, answer: Answer): Promise<boolean> {
    const { decision, value, by = '', role } = answer;
    await this.gate();
    const question = this.questions.get(id);
    if (!question) return false;
    if (question.role !== undefined && question.role !== role) {
      throw new SwarmchartError('NOT_PERMITTED', `"${question.subject}" is for the role "${question.role}"`);
    }
    if (question.votes.some((vote) => vote.by === by)) return false;
    this.answers.push({ id, answer });
    const votes = [...question.votes, { by, decision, value }];
    if (votes.length < question.quorum && decision !== 'reject') this.questions.set(id, { ...question, votes });
    else this.questions.delete(id);
    return true;
  }
}

export class FakeControls implements Controls {
  readonly asked: (readonly string[])[] = [];
  /** Whether what is asked is still possible. */
  isLive = true;

  cancel(executionId: string, reason = ''): Promise<boolean> {
    this.asked.push(['cancel', executionId, reason]);
    return Promise.resolve(this.isLive);
  }

  pause(executionId: string): Promise<boolean> {
    this.asked.push(['pause', executionId]);
    return Promise.resolve(this.isLive);
  }
}

/** Invites people to a run that only its inbox knows of. */
export async function openRun(inbox: Inbox, cwd: string, controls: Controls = new FakeControls()) {
  const executionId = createId();
  const people = await People.invite(inbox, controls, { runs: [{ executionId, kind: 'workflow', name: 'release' }], cwd });
  return {
    executionId,
    people,
    hear: (fact: Fact) => people.hear(fact),
    [Symbol.asyncDispose]: () => people[Symbol.asyncDispose](),
  };
}

export const fact = (type: string, executionId: string, payload: object): Fact => ({
  id: `${executionId}#1`,
  seq: 1,
  stream: executionId.split('/')[0] ?? '',
  type,
  at: 0,
  executionId,
  swarmId: executionId,
  correlationId: executionId,
  tier: type.startsWith('tier1') ? 'tier1' : type.startsWith('tier3') ? 'tier3' : 'tier2',
  payload: payload as Fact['payload'],
  v: 1,
});
