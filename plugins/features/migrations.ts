/**
 * `token`: up to `done_*` the features of its transfers are computed; `version` rises whenever something changes among
 * the transfers that may have been computed already. `transfer`: what the log says, and what was made of it, by the
 * features' version that this node had then.
 */
export const migrations = [
  {
    id: '0001-transfers',
    sql: `
      create table token (
        id integer generated always as identity primary key,
        chain_id bigint not null,
        address bytea not null,
        contract text not null,
        since_timestamp bigint not null,
        newest_block bigint not null,
        newest_log integer not null,
        newest_timestamp bigint not null,
        done_block bigint not null,
        done_log integer not null,
        version bigint not null default 0,
        unique (chain_id, address)
      ) with (fillfactor = 50);
      create table transfer (
        token_id integer not null,
        block bigint not null,
        log integer not null,
        timestamp bigint not null,
        block_hash bytea not null,
        transaction bytea not null,
        sender bytea not null,
        receiver bytea not null,
        value numeric(78, 0) not null,
        features bytea,
        features_version integer,
        score double precision,
        model text,
        digest bytea,
        primary key (token_id, block, log)
      );
      create index transfer_by_sender on transfer (token_id, sender, block, log);
      create index transfer_by_receiver on transfer (token_id, receiver, block, log);
      create index transfer_by_time on transfer (token_id, timestamp, block, log);
      create index transfer_by_score on transfer (token_id, score) where score is not null;
      create index transfer_by_transaction on transfer (transaction, log);
      create index transfer_not_scored on transfer (token_id, block, log)
        where features is not null and digest is null;`,
  },
] as const
