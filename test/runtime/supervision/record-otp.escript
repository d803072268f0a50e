#!/usr/bin/env escript
%% Records what OTP's own supervisor does, as the oracle of otp.test.ts:
%%
%%   escript test/runtime/supervision/record-otp.escript > test/fixtures/supervisor-otp.json
%%
%% Needs Erlang/OTP 24 or later; the recording is committed, so the tests need none. A scenario is a supervisor, its children and
%% steps; after each step come the events that it caused, the answer, and the children. Half are written, half drawn from a seed.
-mode(compile).
-export([init/1, start/1, start/2]).

main(_) ->
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    rand:seed(exsss, {2026, 11, 21}),
    ets:new(log, [named_table, public, ordered_set]),
    ets:new(state, [named_table, public, set]),
    Scenarios = written() ++ [drawn(N) || N <- lists:seq(1, 80)],
    io:format("[~n~s~n]~n", [lists:join(",\n", [run(S) || S <- Scenarios])]).

%% Children: {Id, Restart, Significant, Kind}; Kind is works or ignores.
written() ->
    P = fun(Id) -> {Id, permanent, false, works} end,
    T = fun(Id) -> {Id, transient, false, works} end,
    M = fun(Id) -> {Id, temporary, false, works} end,
    [{"starts in order and stops in reverse", one_for_one, 3, 3600, never, [P(a), P(b), P(c)], [stop]},
     {"stops those that have started when one fails to start", one_for_one, 3, 3600, never, [P(a), P(b), {c, permanent, false, fails}], []},
     {"one for one restarts nobody else", one_for_one, 3, 3600, never, [P(a), P(b), P(c)], [{crash, b}, {crash, a}, stop]},
     {"one for all stops in reverse and starts in order", one_for_all, 3, 3600, never, [P(a), P(b), P(c)], [{crash, b}, stop]},
     {"rest for one leaves the earlier ones alone", rest_for_one, 3, 3600, never, [P(a), P(b), P(c)], [{crash, b}, {crash, c}, stop]},
     {"permanent, transient and temporary after a normal end", one_for_one, 5, 3600, never, [P(a), T(b), M(c)], [{finish, a}, {finish, b}, {finish, c}]},
     {"permanent, transient and temporary after a crash", one_for_one, 5, 3600, never, [P(a), T(b), M(c)], [{crash, a}, {crash, b}, {crash, c}]},
     {"escalates when restarts exceed the intensity", one_for_one, 2, 3600, never, [P(a), P(b)], [{crash, a}, {crash, b}, {crash, a}]},
     {"forgets restarts that are older than the period", one_for_one, 1, 1, never, [P(a)], [{crash, a}, {sleep, 2100}, {crash, a}, {sleep, 2100}, {crash, a}]},
     {"tries again after a failed start, which counts", one_for_one, 3, 3600, never, [P(a), P(b)], [{fail_next, a, 2}, {crash, a}, {crash, b}]},
     {"escalates when a child fails to start for ever", one_for_one, 4, 3600, never, [P(a), P(b)], [{fail_next, a, 9}, {crash, a}]},
     {"one for all begins anew when another child fails to start", one_for_all, 3, 3600, never, [P(a), P(b), P(c)], [{fail_next, b, 1}, {crash, a}]},
     {"rest for one goes on from the child that failed to start", rest_for_one, 3, 3600, never, [P(a), P(b), P(c)], [{fail_next, b, 1}, {crash, a}]},
     {"a group's restart starts those again that were terminated", one_for_all, 3, 3600, never, [P(a), T(b), P(c)], [{terminate, b}, {crash, a}]},
     {"a temporary bystander is not restarted", one_for_all, 3, 3600, never, [M(a), P(b), M(c)], [{crash, b}]},
     {"administers children", one_for_one, 3, 3600, never, [P(a)],
      [{start, P(a)}, {delete, a}, {restart, a}, {terminate, x}, {restart, x}, {delete, x}, {terminate, a}, {start, P(a)}, {terminate, a},
       {restart, a}, {terminate, a}, {delete, a}, {restart, a}, {start, P(a)}, {start, P(b)}]},
     {"a new child that fails to start is forgotten", one_for_one, 3, 3600, never, [], [{fail_next, a, 1}, {start, P(a)}, {start, P(a)}]},
     {"a child that fails to be restarted by hand is kept", one_for_one, 3, 3600, never, [P(a)], [{terminate, a}, {fail_next, a, 1}, {restart, a}, {restart, a}]},
     {"ignored children are kept unless temporary", one_for_one, 3, 3600, never, [{a, permanent, false, ignores}, {b, temporary, false, ignores}, P(c)],
      [{restart, a}, {start, {d, permanent, false, ignores}}, {start, {e, temporary, false, ignores}}]},
     {"any significant child ends the supervisor", one_for_one, 3, 3600, any_significant, [P(a), {b, transient, true, works}, T(c)], [{finish, c}, {crash, b}, {finish, b}]},
     {"the last significant child ends the supervisor", one_for_one, 3, 3600, all_significant,
      [{a, transient, true, works}, {b, temporary, true, works}, P(c)], [{crash, b}, {finish, a}]},
     {"a terminated significant child ends nothing", one_for_one, 3, 3600, any_significant, [{a, transient, true, works}, P(b)], [{terminate, a}]},
     {"a significant bystander ends nothing", one_for_all, 3, 3600, any_significant, [{a, temporary, true, works}, P(b)], [{crash, b}]},
     {"dynamic children", simple_one_for_one, 2, 3600, never, [T(w)],
      [{start, a}, {start, b}, {start, c}, {crash, a}, {finish, b}, {terminate, c}, {restart, a}, {delete, a}, {crash, a}, {crash, a}]},
     {"dynamic temporary children", simple_one_for_one, 2, 3600, never, [M(w)], [{start, a}, {start, b}, {crash, a}, {start, a}, {finish, b}]},
     {"a dynamic child that fails to start is no child", simple_one_for_one, 2, 3600, never, [P(w)], [{fail_next, a, 1}, {start, a}, {start, a}]},
     {"a dynamic child is tried again", simple_one_for_one, 3, 3600, never, [P(w)], [{start, a}, {fail_next, a, 2}, {crash, a}]}].

drawn(N) ->
    Strategy = one_of([one_for_one, one_for_all, rest_for_one]),
    Auto = one_of([never, never, any_significant, all_significant]),
    Ids = lists:sublist([a, b, c, d], 1 + rand:uniform(3)),
    Child = fun(Id) ->
        Restart = one_of([permanent, permanent, transient, temporary]),
        {Id, Restart, Auto =/= never andalso Restart =/= permanent andalso rand:uniform(2) =:= 1, one_of([works, works, works, works, ignores])}
    end,
    Children = [Child(Id) || Id <- Ids],
    Step = fun(_) ->
        Id = one_of(Ids),
        case rand:uniform(10) of
            1 -> {finish, Id};
            2 -> {fail_next, Id, rand:uniform(2)};
            3 -> {fail_next, Id, 1};
            4 -> {terminate, Id};
            5 -> {restart, Id};
            6 -> {delete, Id};
            7 -> {start, lists:keyfind(Id, 1, Children)};
            _ -> {crash, Id}
        end
    end,
    {lists:concat(["drawn ", N]), Strategy, 1 + rand:uniform(4), 3600, Auto, Children, lists:map(Step, lists:seq(1, 10))}.

one_of(List) -> lists:nth(rand:uniform(length(List)), List).

run({Name, Strategy, Intensity, Period, Auto, Children, Steps}) ->
    ets:delete_all_objects(log),
    ets:delete_all_objects(state),
    ets:insert(state, {seq, 0}),
    Specs = [spec(C) || C <- Children],
    Flags = #{strategy => Strategy, intensity => Intensity, period => Period, auto_shutdown => Auto},
    ets:insert(state, {strategy, Strategy}),
    Begun = case supervisor:start_link(?MODULE, {Flags, Specs}) of
        {ok, Sup} -> ets:insert(state, {sup, Sup}), true;
        {error, _} -> false
    end,
    First = observed(),
    Rest = [begin Answer = step(S), [json(S), answer(Answer) | observed()] end || Begun, S <- Steps],
    case ets:lookup(state, sup) of
        [{sup, Pid}] -> unlink(Pid), exit(Pid, kill), timer:sleep(5);
        [] -> ok
    end,
    object([{name, string(Name)}, {strategy, string(Strategy)}, {intensity, integer_to_list(Intensity)}, {period, integer_to_list(Period)},
            {auto, string(Auto)}, {children, array([json(C) || C <- Children])}, {start, result([string(none), string(none) | First])},
            {steps, array([result(R) || R <- Rest])}]).

init({Flags, Specs}) -> {ok, {Flags, Specs}}.

spec({Id, Restart, Significant, Kind}) ->
    #{id => Id, start => {?MODULE, start, [{Id, Kind}]}, restart => Restart, significant => Significant, shutdown => 1000}.

%% A dynamic child gets its id as one more argument.
start({_, Kind}, Id) -> start({Id, Kind}).

start({Id, fails}) -> log(failed, Id), {error, refused};
start({Id, ignores}) -> log(ignored, Id), ignore;
start({Id, works}) ->
    case ets:lookup(state, {fail, Id}) of
        [{_, N}] when N > 0 ->
            ets:insert(state, {{fail, Id}, N - 1}),
            log(failed, Id),
            {error, refused};
        _ ->
            log(started, Id),
            Starter = self(),
            Pid = spawn_link(fun() -> process_flag(trap_exit, true), Starter ! {ready, self()}, works(Id) end),
            receive {ready, Pid} -> ok end,
            ets:insert(state, {{pid, Id}, Pid}),
            ets:insert(state, {{id, Pid}, Id}),
            {ok, Pid}
    end.

works(Id) ->
    receive
        crash -> log(crashed, Id), exit(boom);
        finish -> log(done, Id), exit(normal);
        {'EXIT', _, shutdown} -> log(stopped, Id), exit(shutdown)
    end.

log(What, Id) ->
    Seq = ets:update_counter(state, seq, 1),
    ets:insert(log, {Seq, lists:concat([What, " ", Id])}).

step({crash, Id}) -> tell(Id, crash);
step({finish, Id}) -> tell(Id, finish);
step({fail_next, Id, N}) -> ets:insert(state, {{fail, Id}, N}), none;
step({sleep, Ms}) -> timer:sleep(Ms), none;
step(stop) -> case sup() of none -> none; Sup -> exit(Sup, shutdown), none end;
step({start, {_, _, _, _} = Child}) -> ask(fun(Sup) -> supervisor:start_child(Sup, spec(Child)) end);
step({start, Id}) -> ask(fun(Sup) -> start_dynamic(Sup, Id) end);
step({terminate, Id}) ->
    ask(fun(Sup) ->
        case ets:lookup(state, strategy) of
            [{_, simple_one_for_one}] -> supervisor:terminate_child(Sup, ets:lookup_element(state, {pid, Id}, 2));
            _ -> supervisor:terminate_child(Sup, Id)
        end
    end);
step({restart, Id}) -> ask(fun(Sup) -> supervisor:restart_child(Sup, Id) end);
step({delete, Id}) -> ask(fun(Sup) -> supervisor:delete_child(Sup, Id) end).

start_dynamic(Sup, Id) -> supervisor:start_child(Sup, [Id]).

tell(Id, What) ->
    case ets:lookup(state, {pid, Id}) of
        [{_, Pid}] -> Pid ! What, none;
        [] -> none
    end.

ask(Ask) ->
    case sup() of
        none -> stopped;
        Sup -> try Ask(Sup) catch exit:_ -> stopped end
    end.

sup() ->
    case ets:lookup(state, sup) of
        [{sup, Pid}] -> case is_process_alive(Pid) of true -> Pid; false -> none end;
        [] -> none
    end.

%% The events since the last look, once nothing happens any more, and the children in the order of their starts.
observed() ->
    settle(ets:lookup_element(state, seq, 2)),
    Events = [E || {_, E} <- ets:tab2list(log)],
    ets:delete_all_objects(log),
    Children = case sup() of
        none -> none;
        Sup -> [{name_of(Id, Pid), status(Pid)} || {Id, Pid, _, _} <- lists:reverse(supervisor:which_children(Sup))]
    end,
    [array([string(E) || E <- Events]), case Children of
        none -> "null";
        _ -> Ordered = case ets:lookup_element(state, strategy, 2) of simple_one_for_one -> lists:sort(Children); _ -> Children end,
             array([array([string(Id), string(S)]) || {Id, S} <- Ordered])
    end].

name_of(undefined, Pid) -> ets:lookup_element(state, {id, Pid}, 2);
name_of(Id, _) -> Id.

status(Pid) when is_pid(Pid) -> running;
status(undefined) -> absent;
status(restarting) -> restarting.

settle(Seq) ->
    timer:sleep(15),
    case ets:lookup_element(state, seq, 2) of
        Seq -> ok;
        More -> settle(More)
    end.

answer(none) -> string(none);
answer(stopped) -> string('STOPPED');
answer(ok) -> string(ok);
answer({ok, undefined}) -> string(ignored);
answer({ok, _}) -> string(ok);
answer({error, already_present}) -> string('ALREADY_PRESENT');
answer({error, {already_started, _}}) -> string('ALREADY_STARTED');
answer({error, not_found}) -> string('NOT_FOUND');
answer({error, running}) -> string('RUNNING');
answer({error, restarting}) -> string('RESTARTING');
answer({error, simple_one_for_one}) -> string('DYNAMIC');
answer({error, _}) -> string('START_FAILED').

result([Step, Answer, Events, Children]) -> object([{step, Step}, {answer, Answer}, {events, Events}, {children, Children}]).

json(Term) when is_tuple(Term) -> array([json(T) || T <- tuple_to_list(Term)]);
json(Term) when is_integer(Term) -> integer_to_list(Term);
json(true) -> "true";
json(false) -> "false";
json(Term) -> string(Term).

string(Atom) when is_atom(Atom) -> string(atom_to_list(Atom));
string(Text) -> ["\"", Text, "\""].
array(Items) -> ["[", lists:join(",", Items), "]"].
object(Members) -> ["{", lists:join(",", [[string(K), ":", V] || {K, V} <- Members]), "}"].
