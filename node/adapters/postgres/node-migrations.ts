import type { Migration } from './migrate.ts'

// Rows that are rewritten all the time get room on their page (fillfactor), so that an update stays there and touches
// no index.
/** The node's own tables. Append to this list; a migration that shipped never changes. */
export const nodeMigrations: readonly Migration[] = [
  {
    id: '0001-event-log',
    // `data` is json, not jsonb: an event's string may hold U+0000, which jsonb refuses, and one such event would
    // stop the log for ever.
    sql: `
      create table event_cursor (
        chain_id bigint primary key,
        block_number numeric(78, 0) not null
      );
      create table event (
        seq bigint primary key,
        chain_id bigint not null,
        block_number numeric(78, 0) not null,
        block_hash text not null,
        log_index integer not null,
        transaction_hash text not null,
        "timestamp" numeric(78, 0) not null,
        address text not null,
        name text not null,
        data json not null,
        unique (chain_id, block_hash, log_index)
      );
      create index event_by_name on event (name, seq);
      create table event_consumer (
        consumer text primary key,
        seq bigint not null,
        updated_at timestamptz not null default now()
      );`,
  },
  {
    id: '0002-quorum',
    sql: `
      create table quorum_state (
        instance text primary key,
        pacemaker bytea,
        certificate bytea,
        committed bytea,
        updated_at timestamptz not null default now()
      ) with (fillfactor = 50);
      create table quorum_evidence (
        duty_id text not null,
        config_digest text not null,
        seq_nr numeric(78, 0) not null,
        epoch bigint not null,
        leader integer not null,
        query bytea not null,
        outcome bytea not null,
        observers integer[] not null,
        observations bytea[] not null,
        observation_signatures bytea[] not null,
        reports jsonb not null,
        recorded_at bigint not null,
        primary key (duty_id, config_digest, seq_nr)
      );
      create index quorum_evidence_by_time on quorum_evidence (recorded_at);`,
  },
  {
    id: '0003-signing-history',
    sql: `
      create table signing_history (
        key_id text not null,
        purpose text not null,
        scope text not null,
        position_0 numeric(78, 0) not null,
        position_1 numeric(78, 0) not null,
        payload_digest bytea not null,
        updated_at timestamptz not null default now(),
        primary key (key_id, purpose, scope)
      ) with (fillfactor = 50);`,
  },
  {
    id: '0004-quorum-offence',
    sql: `
      create table quorum_offence (
        seq bigint generated always as identity primary key,
        id text not null unique,
        duty_id text not null,
        config_digest text not null,
        oracle integer not null,
        offence text not null,
        document json not null,
        recorded_at bigint not null
      );
      create index quorum_offence_by_culprit on quorum_offence (duty_id, config_digest, oracle, offence);`,
  },
  {
    id: '0005-signing-retired',
    // A trigger, so that the database refuses a retired key to every process: also to one that lost its lock and does
    // not know yet, and to an older release. It finds the table by the session's search path; a session without ours
    // can't insert at all.
    sql: `
      create table signing_retired (
        key_id text primary key,
        retired_at timestamptz not null default now()
      );
      create function refuse_retired_key() returns trigger
        language plpgsql
        as $$
          begin
            if exists (select from signing_retired where key_id = new.key_id) then
              raise exception 'key % was retired in this database', new.key_id using errcode = 'IYI01';
            end if;
            return new;
          end
        $$;
      create trigger refuse_retired_key before insert on signing_history
        for each row execute function refuse_retired_key();`,
  },
  {
    id: '0006-chain-agreement',
    sql: `
      create table chain_agreement (
        chain_id bigint primary key,
        scope text not null,
        trail json not null,
        updated_at timestamptz not null default now()
      ) with (fillfactor = 50);
      create table chain_evidence (
        seq bigint generated always as identity primary key,
        id text not null unique,
        chain_id bigint not null,
        document json not null,
        recorded_at bigint not null
      );
      create index chain_evidence_by_chain on chain_evidence (chain_id, seq);`,
  },
  {
    id: '0007-event-lifecycle',
    // A log has one row for each time that it is in the chain; what is told of it are notices. Stages are numbers:
    // 0 not in the chain, 1 seen, 2 confirmed, 3 final. What was copied so far counts as final.
    sql: `
      alter table event rename column seq to id;
      alter table event
        add column life integer not null default 1,
        add column level smallint not null default 3,
        drop constraint event_chain_id_block_hash_log_index_key,
        add unique (chain_id, block_hash, log_index, life);
      drop index event_by_name;
      create index event_by_place on event (chain_id, block_number, log_index);
      create table event_notice (
        seq bigint primary key,
        event_id bigint not null,
        chain_id bigint not null,
        name text not null,
        before smallint not null,
        after smallint not null
      );
      create index event_notice_by_chain on event_notice (chain_id, seq);
      insert into event_notice select id, id, chain_id, name, 0, 3 from event;
      alter table event_cursor
        add column block_hash text,
        add column confirmed_block numeric(78, 0) not null default -1,
        add column final_block numeric(78, 0) not null default -1,
        add column anchor_block numeric(78, 0),
        add column anchor_hash text,
        add column revision bigint not null default 0,
        add column halted text,
        add column halted_by text;
      update event_cursor set confirmed_block = block_number, final_block = block_number;
      alter table event_consumer rename to event_consumer_before;
      create table event_consumer (
        consumer text not null,
        chain_id bigint not null,
        stage smallint not null,
        seq bigint not null,
        from_block numeric(78, 0) not null default 0,
        epoch bigint not null default 0,
        updated_at timestamptz not null default now(),
        primary key (consumer, chain_id)
      ) with (fillfactor = 50);
      insert into event_consumer (consumer, chain_id, stage, seq)
        select consumer, chain_id, 2, seq from event_consumer_before cross join event_cursor;
      drop table event_consumer_before;
      create table event_dead_letter (
        id bigint generated always as identity primary key,
        consumer text not null,
        chain_id bigint not null,
        seq bigint not null,
        error text not null,
        attempts integer not null,
        failed_at timestamptz not null default now(),
        retry boolean not null default false,
        unique (consumer, seq)
      );
      alter table event alter column level drop default;`,
  },
  {
    id: '0008-event-edition',
    // Of the index, when all of it below the position was last looked through.
    sql: 'alter table event_cursor add column edition text;',
  },
  {
    id: '0009-series',
    // A lane is a place in the list of notices that some series of a chain have reached: the main one, and those of
    // series that are made from the beginning. Candles are kept by width and time, so that what is old goes by whole
    // tables; `series_kept` says since when each kind is complete (0: the trades, else a width).
    sql: `
      create table series_lane (
        id bigint generated always as identity primary key,
        chain_id bigint not null,
        main boolean not null,
        seq bigint not null,
        until_seq bigint not null,
        known_until bigint,
        final_time bigint
      ) with (fillfactor = 50);
      create unique index series_lane_main on series_lane (chain_id) where main;
      create table series (
        key bigint generated always as identity primary key,
        id text not null,
        chain_id bigint not null,
        address text,
        source text not null,
        definition text not null,
        lane bigint references series_lane,
        gone boolean not null default false
      );
      create unique index series_by_id on series (id) where not gone;
      create table series_kept (kind integer primary key, since bigint not null default 0);
      insert into series_kept (kind) values (0), (1), (10), (60), (300), (900), (3600), (14400), (86400);
      create table series_trade (
        series bigint not null,
        "time" bigint not null,
        event_id bigint not null,
        block bigint not null,
        log_index integer not null,
        base numeric not null,
        quote numeric not null,
        price numeric not null,
        primary key (series, "time", event_id)
      ) partition by range ("time");
      create table series_candle (
        series bigint not null,
        width integer not null,
        start bigint not null,
        open numeric not null,
        high numeric not null,
        low numeric not null,
        close numeric not null,
        base numeric not null,
        quote numeric not null,
        trades bigint not null,
        first_block bigint not null,
        first_log integer not null,
        last_block bigint not null,
        last_log integer not null,
        primary key (series, start, width)
      ) partition by list (width);
      create table series_candle_1s partition of series_candle for values in (1) partition by range (start);
      create table series_candle_10s partition of series_candle for values in (10) partition by range (start);
      create table series_candle_1m partition of series_candle for values in (60) partition by range (start);
      create table series_candle_5m partition of series_candle for values in (300) partition by range (start);
      create table series_candle_15m partition of series_candle for values in (900) partition by range (start);
      create table series_candle_1h partition of series_candle for values in (3600) partition by range (start);
      create table series_candle_4h partition of series_candle for values in (14400) partition by range (start);
      create table series_candle_1d partition of series_candle for values in (86400) partition by range (start);
      create index event_notice_dropped on event_notice (event_id, seq) where after = 0;`,
  },
  {
    id: '0010-outbox',
    // A cursor for each target and source; `trouble` is what the relay says for who looks from outside the node.
    sql: `
      create table outbox_cursor (
        target text not null,
        source text not null,
        seq bigint not null,
        epoch bigint not null default 0,
        trouble text,
        updated_at timestamptz not null default now(),
        primary key (target, source)
      ) with (fillfactor = 50);
      create table outbox_dead_letter (
        id bigint generated always as identity primary key,
        target text not null,
        source text not null,
        seq bigint not null,
        key text not null,
        error text not null,
        attempts integer not null,
        failed_at timestamptz not null default now(),
        retry boolean not null default false,
        unique (target, source, key)
      );`,
  },
  {
    id: '0011-undecoded',
    sql: `
      create table undecoded_progress (
        contract text primary key,
        chain_id bigint not null,
        scope text not null,
        block_number numeric(78, 0),
        block_hash text,
        total bigint not null default 0,
        final_number numeric(78, 0),
        final_hash text,
        final_total bigint not null default 0
      ) with (fillfactor = 50);
      create table undecoded_log (
        contract text not null references undecoded_progress on delete cascade,
        block_number numeric(78, 0) not null,
        log_index integer not null,
        chain_id bigint not null,
        block_hash text not null,
        transaction_hash text not null,
        address text not null,
        event text not null,
        topics json not null,
        data text not null,
        data_bytes integer not null,
        error text not null,
        primary key (contract, block_number, log_index)
      );
      create table undecoded_child (
        contract text not null references undecoded_progress on delete cascade,
        address text not null,
        block_number numeric(78, 0) not null,
        primary key (contract, address)
      );`,
  },
  {
    id: '0012-alerts',
    sql: `
      create table alert (
        id bigint generated always as identity primary key,
        rule text not null,
        series text not null,
        chain_id bigint not null,
        severity text not null,
        measure text not null,
        value double precision not null,
        text text not null,
        started_at bigint not null,
        ended_at bigint
      );
      create unique index alert_firing on alert (rule, series) where ended_at is null;
      create index alert_by_rule on alert (rule, id);
      create table alert_notice (
        seq bigint generated always as identity primary key,
        alert_id bigint not null,
        state text not null
      );`,
  },
  {
    id: '0013-model-alerts',
    // An alert may be of a model, which is of no chain.
    sql: 'alter table alert alter column chain_id drop not null;',
  },
]
