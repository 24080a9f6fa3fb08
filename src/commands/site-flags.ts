import { type Command, Option } from 'commander'

/** Adds the flags that choose site and hub. */
export function siteFlags(command: Command): Command {
  return hubFlags(command)
    .option('--site-realm <name>', 'the realm of the hub')
    .option('--address-root <name>', 'the first word of every topic')
    .addOption(
      new Option('--log-format <format>', 'how log lines are written')
        .choices(['text', 'json'])
        .default('text'),
    )
}

/** Adds those of a command that only looks. */
export function hubFlags(command: Command): Command {
  return command
    .option('--site <name>', 'the site file $OCS_CONFIG_DIR/NAME.yaml instead of default.yaml')
    .option('--site-file <file>', 'the site file')
    .option('--site-host <name>', 'the host of the site file to be, instead of this machine’s host name')
    .option('--site-hub <url>', 'the address of the hub, mqtt://HOST:PORT or ws://HOST:PORT/PATH')
}
