import type { Migration } from './migrations.ts';

// utf8mb4_bin is the one collation that MySQL and MariaDB share and that compares characters exactly.
const TABLE = 'ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';

/**
 * The write model in MySQL and MariaDB. Times of posts are ISO 8601 in UTC; those of the outbox are ms since 1970.
 * MEDIUMTEXT, since 10,000 characters may be 40 kB, and an update's event carries two such texts as JSON.
 */
export const MYSQL_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'posts, revisions, outbox, dead letters, idempotency keys',
    sql: [
      `CREATE TABLE IF NOT EXISTS posts (
        id VARCHAR(64) NOT NULL PRIMARY KEY,
        version INT UNSIGNED NOT NULL,
        title VARCHAR(200) NOT NULL,
        content MEDIUMTEXT NOT NULL,
        author VARCHAR(100) NOT NULL,
        tags MEDIUMTEXT NOT NULL,
        created_at VARCHAR(24) NOT NULL,
        edited_at VARCHAR(24) NULL,
        deleted TINYINT NOT NULL DEFAULT 0
      ) ${TABLE}`,
      // Only texts that were replaced; the present one is in posts.
      `CREATE TABLE IF NOT EXISTS post_revisions (
        post_id VARCHAR(64) NOT NULL,
        version INT UNSIGNED NOT NULL,
        title VARCHAR(200) NOT NULL,
        content MEDIUMTEXT NOT NULL,
        written_at VARCHAR(24) NOT NULL,
        PRIMARY KEY (post_id, version),
        CONSTRAINT post_revisions_of_post FOREIGN KEY (post_id) REFERENCES posts (id)
      ) ${TABLE}`,
      `CREATE TABLE IF NOT EXISTS outbox (
        position BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        id VARCHAR(64) NOT NULL,
        topic VARCHAR(100) NOT NULL,
        message_key VARCHAR(200) NOT NULL,
        payload MEDIUMTEXT NOT NULL,
        metadata TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        published_at BIGINT NULL,
        UNIQUE KEY outbox_by_id (id),
        KEY outbox_by_publication (published_at, position)
      ) ${TABLE}`,
      `CREATE TABLE IF NOT EXISTS dead_letters (
        id VARCHAR(64) NOT NULL PRIMARY KEY,
        topic VARCHAR(100) NOT NULL,
        message_key VARCHAR(200) NOT NULL,
        payload MEDIUMTEXT NOT NULL,
        metadata TEXT NOT NULL,
        handler VARCHAR(100) NOT NULL,
        reason MEDIUMTEXT NOT NULL,
        kept_at VARCHAR(24) NOT NULL,
        KEY dead_letters_by_age (kept_at, id)
      ) ${TABLE}`,
      `CREATE TABLE IF NOT EXISTS idempotency_keys (
        key_hash VARCHAR(64) NOT NULL PRIMARY KEY,
        fingerprint VARCHAR(64) NOT NULL,
        post_id VARCHAR(64) NOT NULL,
        created_at VARCHAR(24) NOT NULL,
        KEY idempotency_keys_by_age (created_at)
      ) ${TABLE}`,
    ],
  },
];
