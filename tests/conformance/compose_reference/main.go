// What `docker compose config --format json` prints, by the library that docker compose reads
// compose files with. compose.py asks it.
//
//	reference [--file FILE]... [--profile NAME]... [SERVICE...]
package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
)

type list []string

func (l *list) String() string         { return fmt.Sprint(*l) }
func (l *list) Set(value string) error { *l = append(*l, value); return nil }

// The format that docker compose adds to the library's: lines as they are.
func raw(r io.Reader, _ string, values map[string]string, lookup func(string) (string, bool)) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := strings.TrimLeft(lines.Text(), " \t")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, given := strings.Cut(line, "=")
		if !given {
			if value, given = lookup(name); !given {
				continue
			}
		}
		values[name] = value
	}
	return lines.Err()
}

// Where docker compose takes names and variables from, in its order.
func options(files, profiles []string) (*cli.ProjectOptions, error) {
	directory, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	return cli.NewProjectOptions(files,
		cli.WithDiscardEnvFile,
		cli.WithOsEnv,
		cli.WithEnv([]string{"PWD=" + directory}),
		cli.WithEnvFiles(),
		cli.WithDotEnv,
		cli.WithConfigFileEnv,
		cli.WithDefaultConfigPath,
		cli.WithEnvFiles(),
		cli.WithDotEnv,
		cli.WithDefaultProfiles(profiles...),
	)
}

// The steps after the files are read: those of docker compose's own config.
func resolved(project *types.Project, services []string) (*types.Project, error) {
	project, err := project.WithServicesEnabled(services...)
	if err != nil {
		return nil, err
	}
	if project, err = project.WithSelectedServices(services); err != nil {
		return nil, err
	}
	project, err = project.WithoutUnnecessaryResources().WithServicesEnvironmentResolved(true)
	if err != nil {
		return nil, err
	}
	return project, project.CheckContainerNameUnicity()
}

func answer(files, profiles, services []string) ([]byte, error) {
	options, err := options(files, profiles)
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	if project, err = resolved(project, services); err != nil {
		return nil, err
	}
	text, err := project.MarshalJSON()
	return bytes.ReplaceAll(text, []byte("$"), []byte("$$")), err
}

func main() {
	var files, profiles list
	flag.Var(&files, "file", "a compose file")
	flag.Var(&profiles, "profile", "a profile that is in force")
	flag.Parse()
	dotenv.RegisterFormat("raw", raw)
	text, err := answer(files, profiles, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(text))
}
