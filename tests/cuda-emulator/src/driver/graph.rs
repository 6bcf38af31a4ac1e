//! Graphs: recorded work, which each launch of a graph's instance repeats in its order.

use std::{collections::HashMap, sync::Arc};

use super::{
    capture::Stream,
    device::{Device, Kernel, Status},
};

/// What a stream is to do.
#[derive(Clone, Debug)]
pub enum Node {
    Launch {
        kernel: Kernel,
        grid: [u32; 3],
        block: [u32; 3],
        shared_bytes: usize,
        /// The values of its parameters, at their offsets.
        parameters: Vec<u8>,
    },
    Set {
        address: u64,
        value: u8,
        bytes: usize,
    },
    /// From one place of the device to another.
    Copy { to: u64, from: u64, bytes: usize },
}

/// Graphs and their instances by their handles, so that the use of one that has been destroyed is seen.
#[derive(Debug, Default)]
pub(super) struct Graphs {
    last: u64,
    graphs: HashMap<u64, Arc<[Node]>>,
    instances: HashMap<u64, Arc<[Node]>>,
    /// How many instances have been asked for.
    asked: u64,
}

impl Graphs {
    /// The handle of a new graph.
    pub(super) fn add(&mut self, nodes: Vec<Node>) -> u64 {
        let graph = self.handle();
        self.graphs.insert(graph, nodes.into());
        graph
    }

    fn handle(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

impl Device {
    /// An executable instance of a graph.
    pub fn instantiate(&mut self, graph: u64) -> Result<u64, Status> {
        self.check()?;
        let nodes = self.graphs.graphs.get(&graph).cloned();
        let nodes = nodes.ok_or_else(|| self.unknown("graph", graph))?;
        self.graphs.asked += 1;
        if self.settings.failing_graph == Some(self.graphs.asked) {
            let text = format!("out of memory: instance {} of a graph", self.graphs.asked);
            return Err(self.wrong(Status::OUT_OF_MEMORY, text));
        }
        let instance = self.graphs.handle();
        self.graphs.instances.insert(instance, nodes);
        Ok(instance)
    }

    /// Does what a graph has recorded, in a stream.
    pub fn launch_graph(&mut self, instance: u64, stream: Stream) -> Result<(), Status> {
        let nodes = self.nodes_of(instance)?;
        nodes.iter().try_for_each(|node| self.enqueue(stream, node))
    }

    /// Prepares a launch in a stream, for which there is nothing to do.
    pub fn upload_graph(&mut self, instance: u64, stream: Stream) -> Result<(), Status> {
        self.nodes_of(instance)?;
        self.permit_in(stream, "an upload of a graph")
    }

    pub fn destroy_graph(&mut self, graph: u64) -> Result<(), Status> {
        match self.graphs.graphs.remove(&graph) {
            Some(_) => self.check(),
            None => Err(self.unknown("graph", graph)),
        }
    }

    pub fn destroy_instance(&mut self, instance: u64) -> Result<(), Status> {
        match self.graphs.instances.remove(&instance) {
            Some(_) => self.check(),
            None => Err(self.unknown("instance of a graph", instance)),
        }
    }

    /// Does it now.
    pub(super) fn run(&mut self, node: &Node) -> Result<(), Status> {
        match node {
            Node::Launch {
                kernel,
                grid,
                block,
                shared_bytes,
                parameters,
            } => self.launch(kernel, *grid, *block, *shared_bytes, parameters),
            Node::Set {
                address,
                value,
                bytes,
            } => self.write(*address, &vec![*value; *bytes], "sets"),
            Node::Copy { to, from, bytes } => {
                let read = self.read(*from, *bytes, "copies").map(<[u8]>::to_vec);
                read.and_then(|read| self.write(*to, &read, "copies to"))
            }
        }
    }

    fn nodes_of(&mut self, instance: u64) -> Result<Arc<[Node]>, Status> {
        self.check()?;
        let nodes = self.graphs.instances.get(&instance).cloned();
        nodes.ok_or_else(|| self.unknown("instance of a graph", instance))
    }

    fn unknown(&mut self, what: &str, handle: u64) -> Status {
        let text = format!("{handle:#x} is no {what}, or has been destroyed");
        self.wrong(Status::INVALID_VALUE, text)
    }
}
