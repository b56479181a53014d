// The part of kube-router that enforces network policies, on one node. The stock program also links a
// BGP router, a service proxy and the clients of a cloud and of two container runtimes.
//
//	kube-router KUBECONFIG NODE SERVICES BALANCERS
//
// NODE is this node's name, the last two are the address ranges of Services. It ends with code 1 and a
// reason, or runs until it is ended; its rules stay.
package main

import (
	"fmt"
	"os"
	"sync"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	if len(os.Args) != 5 {
		fail(fmt.Errorf("four arguments are needed: KUBECONFIG NODE SERVICES BALANCERS"))
	}
	fail(run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]))
}

func fail(reason error) {
	fmt.Fprintf(os.Stderr, "kube-router: %v\n", reason)
	os.Exit(1)
}

func run(kubeconfig, node, services, balancers string) error {
	client, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	set, err := kubernetes.NewForConfig(client)
	if err != nil {
		return err
	}
	config := options.NewKubeRouterConfig()
	config.HostnameOverride = node
	config.ClusterIPCIDRs = []string{services}
	config.ExternalIPCIDRs = []string{balancers}
	config.EnableIPv4 = true
	stop := make(chan struct{})
	factory := informers.NewSharedInformerFactory(set, 0)
	pods := factory.Core().V1().Pods().Informer()
	namespaces := factory.Core().V1().Namespaces().Informer()
	policies := factory.Networking().V1().NetworkPolicies().Informer()
	factory.Start(stop)
	factory.WaitForCacheSync(stop)
	tables, sets, err := netpol.NewIPTablesHandlers(config)
	if err != nil {
		return err
	}
	controller, err := netpol.NewNetworkPolicyController(
		set, config, pods, policies, namespaces, &sync.Mutex{}, tables, sets)
	if err != nil {
		return err
	}
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		pods:       controller.PodEventHandler,
		namespaces: controller.NamespaceEventHandler,
		policies:   controller.NetworkPolicyEventHandler,
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	// What it tells of its health is for a server that is not here.
	beats := make(chan *healthcheck.ControllerHeartbeat)
	go func() {
		for range beats {
		}
	}()
	var running sync.WaitGroup
	running.Add(1)
	controller.Run(beats, stop, &running)
	return fmt.Errorf("the controller has ended")
}
